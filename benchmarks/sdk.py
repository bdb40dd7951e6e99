"""What recording costs a program: calls with track() and requests through the middleware, beside the same without them.

    make bench-sdk FLAGS=--check
    python -m benchmarks.sdk --calls 3000

Each in turns, in one run, with Vigie up, with one that never answers, and with none. The model answers from memory, so
a call is only what `openai` itself does: over a network, everything that is measured here is a smaller part.
"""

import argparse
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx2
from openai import OpenAI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.serving import new_key, serving
from vigie_sdk import Vigie, VigieMiddleware, track

MOST_OF_A_CALL: Final = 1.15
MOST_OF_A_STREAM: Final = 1.2
MOST_OF_A_REQUEST: Final = 1.6
ASK: Final[dict[str, Any]] = {"messages": [{"role": "user", "content": "Which ships are in the harbour?"}]}
USAGE: Final = {"prompt_tokens": 374, "completion_tokens": 44, "total_tokens": 418}
HEAD: Final = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o", "service_tier": "default"}
MESSAGE: Final = {"role": "assistant", "content": "A barque and two brigs."}
PLAIN: Final = json.dumps(
    {
        **HEAD,
        "object": "chat.completion",
        "usage": USAGE,
        "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
    }
).encode()
CHUNK: Final = {**HEAD, "object": "chat.completion.chunk"}
CHUNKS: Final = [
    *({**CHUNK, "choices": [{"index": 0, "delta": {"content": "ship "}, "finish_reason": None}]} for _ in range(40)),
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {**CHUNK, "choices": [], "usage": USAGE},
]
STREAM: Final = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in CHUNKS) + b"data: [DONE]\n\n"


def answer(request: httpx2.Request) -> httpx2.Response:
    """The model's answer, from memory."""
    if b'"stream":true' in request.content:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=STREAM)
    return httpx2.Response(200, headers={"content-type": "application/json"}, content=PLAIN)


@contextmanager
def silent() -> Iterator[str]:
    """The address of somebody who takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def in_turns(without: Callable[[], object], with_it: Callable[[], object], count: int) -> tuple[float, float]:
    """The seconds that nine of ten of each take longer than, done in turns: other work on the machine meets both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(2 * count):
        began = time.perf_counter()
        (with_it if number % 2 else without)()
        seconds[number % 2].append(time.perf_counter() - began)
    before, after = (statistics.quantiles(some, n=10)[0] for some in seconds)
    return before, after


def call(client: OpenAI) -> None:
    client.chat.completions.create(model="gpt-4o", **ASK)


def streamed_call(client: OpenAI) -> None:
    for _ in client.chat.completions.create(model="gpt-4o", stream=True, **ASK):
        pass


def applications(vigie: Vigie) -> tuple[Starlette, Starlette]:
    """The same application, without the middleware and with it."""

    async def order(request: Request) -> JSONResponse:
        return JSONResponse({"order": request.path_params["number"], "customer": await request.json()})

    routes = [Route("/orders/{number}", order, methods=["POST"])]
    return Starlette(routes=routes), Starlette(routes=routes, middleware=[Middleware(VigieMiddleware, vigie=vigie)])


def request(app: Callable[..., Awaitable[None]]) -> Callable[[], object]:
    """A request to an application, which nothing suspends."""
    headers = [(b"host", b"shop"), (b"content-type", b"application/json"), (b"content-length", b"7")]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'"alice"', "more_body": False}

    async def send(message: Any) -> None:
        return

    async def served() -> None:
        scope = {"type": "http", "method": "POST", "path": "/orders/42", "query_string": b"", "headers": headers}
        await app(scope, receive, send)

    def run() -> None:
        with suppress(StopIteration):
            served().send(None)

    return run


def measure(name: str, url: str, key: str, arguments: argparse.Namespace) -> bool:
    """Measures one state of Vigie, says what came of it, and answers whether the claims hold."""
    vigie = Vigie(url, key, timeout=60, exit_seconds=0)
    original = OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    tracked = track(original, vigie=vigie)
    bare, recorded = map(request, applications(vigie))
    rows: list[tuple[str, float, int, Callable[[], object], Callable[[], object]]] = [
        ("a plain call", MOST_OF_A_CALL, 1, lambda: call(original), lambda: call(tracked)),
        ("a streamed call", MOST_OF_A_STREAM, 8, lambda: streamed_call(original), lambda: streamed_call(tracked)),
        ("a request", MOST_OF_A_REQUEST, 1, bare, recorded),
    ]
    held = True
    for what, most, dear, without, with_it in rows:
        before, after = in_turns(without, with_it, arguments.calls // dear)
        ratio = after / before
        print(
            f"Vigie {name:>6}  {what:16} {before * 1e6:8.1f} us {after * 1e6:8.1f} us   {ratio:5.2f} (at most {most})"
        )
        held = held and ratio <= most
    print(f"              {vigie.queued:,} events wait, {vigie.dropped:,} were dropped")
    vigie.close(0)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--calls", type=int, default=3_000, help="calls and requests each way; an eighth of it streamed"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a claim does not hold")
    arguments = parser.parse_args()
    key = new_key()
    with tempfile.TemporaryDirectory() as folder, serving(f"sqlite:///{Path(folder) / 'vigie.db'}", key) as served:
        held = [measure("up", "http://{}:{}".format(*served.address), key, arguments)]
    with silent() as url:
        held.append(measure("silent", url, key, arguments))
    held.append(measure("down", nobody(), key, arguments))
    sys.exit(0 if all(held) or not arguments.check else 1)


if __name__ == "__main__":
    main()
