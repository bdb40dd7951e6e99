"""A local stand-in for OpenAI: answers chat completions as it is told, and keeps what it was sent."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], tuple[int, bytes]]


class FakeOpenAI:
    """`answer` makes the status and body of the next answers; `requests` are the bodies that came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.answer: Answer = well


@contextmanager
def fake_openai() -> Iterator[FakeOpenAI]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.requests.append(body)
            fake.keys.append(self.headers["Authorization"])
            status, answer = fake.answer(body)
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                return  # the client did not wait

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake = FakeOpenAI(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def items_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The briefs that a request carries."""
    items: list[dict[str, Any]] = json.loads(request["messages"][1]["content"])["items"]
    return items


def completion(content: str, *, prompt: int = 1000, output: int = 200) -> bytes:
    """A chat completion with this content."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }
    return json.dumps(body).encode()


def well(request: dict[str, Any]) -> tuple[int, bytes]:
    """Better words for each item, with the placeholders of its draft."""
    items = [
        {"title": f"Better: {item['draft']['title']}", "body": f"Plainly. {item['draft']['body']}"}
        for item in items_of(request)
    ]
    return 200, completion(json.dumps({"items": items}))


def slowly(request: dict[str, Any]) -> tuple[int, bytes]:
    time.sleep(3)
    return well(request)


def always(status: int, body: bytes) -> Answer:
    """The same answer whatever is asked."""
    return lambda _: (status, body)
