"""A stand-in for the OpenAI API on this machine: chat completions, responses and embeddings, plain and streamed.

    with OpenAIApi() as api:
        client = OpenAI(base_url=api.url, api_key="sk-any", max_retries=0)
        client.chat.completions.create(model="gpt-4o+cached=100+reasoning=20", messages=[...])

What it does is said by the model's name, after its first `+`:

    input=374, output=44, cached=0, written=0, reasoning=0      the usage; cached and written are parts of input
    fail=429                    this status, with OpenAI's error document (429 with Retry-After)
    delay=0.5, pause=0.01       seconds before the answer begins, and between the chunks of a stream
    words=5                     chunks with text in a stream
    endless                     a stream that goes on until the client leaves
    broken                      a stream that breaks off in the middle
    nousage                     an answer that says nothing of its usage
"""

import array
import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, fields
from itertools import count
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

PATIENCE = 20.0
DIMENSIONS = 8
Event = tuple[str | None, dict[str, Any]]
"""Of a stream: its name, which chat completions do without, and its data."""

ERRORS = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a model's name asks for."""

    model: str
    input: int = 374
    output: int = 44
    cached: int = 0
    written: int = 0
    reasoning: int = 0
    fail: int = 0
    delay: float = 0.0
    pause: float = 0.0
    words: int = 5
    endless: bool = False
    broken: bool = False
    nousage: bool = False

    @classmethod
    def by(cls, name: str) -> "Wanted":
        """What this name says. Raises ValueError or KeyError for options that are none."""
        model, *options = name.split("+")
        kinds: dict[str, type] = {field.name: type(field.default) for field in fields(cls) if field.name != "model"}
        said = dict(option.partition("=")[::2] for option in options)
        return cls(model, **{name: kinds[name](value or True) for name, value in said.items()})

    def texts(self) -> list[str]:
        """The text of the answer in pieces."""
        return [f"word{number} " for number in range(self.words)]

    def chat_usage(self) -> dict[str, Any]:
        details = {"cached_tokens": self.cached, "cache_write_tokens": self.written, "audio_tokens": 0}
        return {
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "prompt_tokens_details": details,
            "completion_tokens_details": {"reasoning_tokens": self.reasoning, "audio_tokens": 0},
        }

    def responses_usage(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input,
            "input_tokens_details": {"cached_tokens": self.cached, "cache_write_tokens": self.written},
            "output_tokens": self.output,
            "output_tokens_details": {"reasoning_tokens": self.reasoning},
            "total_tokens": self.input + self.output,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came: its path and its body."""

    path: str
    body: dict[str, Any]


@dataclass
class OpenAIApi:
    """The server, in a thread of its own. `asked` are the requests in order; `left` counts aborted streams."""

    asked: list[Asked] = field(default_factory=list)
    left: int = 0
    port: int = 0
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, for `OpenAI(base_url=...)` or OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Begins to listen. Returns when it answers."""
        routes = [
            Route("/v1/chat/completions", self._answers(_chat, _chat_stream), methods=["POST"]),
            Route("/v1/responses", self._answers(_response, _response_stream), methods=["POST"]),
            Route("/v1/embeddings", self._answers(_embeddings, None), methods=["POST"]),
        ]
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(Starlette(routes=routes), log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while not self._server.started:
            if time.monotonic() > deadline:
                raise RuntimeError("the stand-in for the OpenAI API did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stops listening and cuts what is still streaming."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(PATIENCE)
            self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _answers(
        self,
        plain: Callable[[Wanted, dict[str, Any]], dict[str, Any]],
        streamed: Callable[[Wanted, dict[str, Any]], AsyncIterator[Event]] | None,
    ) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            body = await request.json()
            self.asked.append(Asked(request.url.path, body))
            wanted = Wanted.by(body["model"])
            await asyncio.sleep(wanted.delay)
            if wanted.fail:
                return _failed(wanted.fail)
            if body.get("stream") and streamed is not None:
                done = request.url.path.endswith("/completions")
                return StreamingResponse(
                    self._events(streamed(wanted, body), done=done), media_type="text/event-stream"
                )
            return JSONResponse(plain(wanted, body), headers={"x-request-id": "req_1"})

        return answer

    async def _events(self, events: AsyncIterator[Event], *, done: bool) -> AsyncIterator[str]:
        try:
            async for name, event in events:
                head = f"event: {name}\n" if name else ""
                yield f"{head}data: {json.dumps(event)}\n\n"
            if done:
                yield "data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.left += 1
            raise


def _failed(status: int) -> Response:
    kind = ERRORS.get(status, "server_error")
    error = {"message": f"You asked for {status}.", "type": kind, "param": None, "code": kind}
    return JSONResponse({"error": error}, status, headers={"retry-after": "0"} if status == 429 else None)


async def _texts(wanted: Wanted) -> AsyncIterator[str]:
    """The pieces of a streamed answer, with the pauses. Raises ConnectionError in the middle when that is wanted."""
    for place in count() if wanted.endless else range(wanted.words):
        if wanted.broken and place > wanted.words // 2:
            raise ConnectionError("broken off, as wanted")
        await asyncio.sleep(wanted.pause or (0.01 if wanted.endless else 0))
        yield f"word{place} "


def _chat(wanted: Wanted, body: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(wanted.texts()), "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    answer = {**_chat_head(wanted, body, "chat.completion"), "choices": [choice]}
    return answer if wanted.nousage else {**answer, "usage": wanted.chat_usage()}


async def _chat_stream(wanted: Wanted, body: dict[str, Any]) -> AsyncIterator[Event]:
    head = _chat_head(wanted, body, "chat.completion.chunk")
    asked = bool((body.get("stream_options") or {}).get("include_usage"))
    if asked:
        head["usage"] = None

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> Event:
        return None, {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}

    yield chunk({"role": "assistant", "content": ""})
    async for text in _texts(wanted):
        yield chunk({"content": text})
    yield chunk({}, "stop")
    if asked and not wanted.nousage:
        yield None, {**head, "choices": [], "usage": wanted.chat_usage()}


def _chat_head(wanted: Wanted, body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": int(time.time()),
        "model": wanted.model,
        "service_tier": body.get("service_tier") or "default",
        "system_fingerprint": "fp_1",
    }


def _response(wanted: Wanted, body: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    text = "".join(wanted.texts())
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    done = status == "completed"
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": time.time(),
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": wanted.model,
        "output": [message] if done else [],
        "parallel_tool_calls": True,
        "service_tier": body.get("service_tier") or "default",
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": wanted.responses_usage() if done and not wanted.nousage else None,
    }


async def _response_stream(wanted: Wanted, body: dict[str, Any]) -> AsyncIterator[Event]:
    numbers = count()

    def event(kind: str, **rest: Any) -> Event:
        return kind, {"type": kind, "sequence_number": next(numbers), **rest}

    place: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    finished = _response(wanted, body)
    [message] = finished["output"]
    [part] = message["content"]
    begun = _response(wanted, body, "in_progress")
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    item = {**message, "status": "in_progress", "content": []}
    yield event("response.output_item.added", output_index=0, item=item)
    yield event("response.content_part.added", **place, part={**part, "text": ""})
    async for text in _texts(wanted):
        yield event("response.output_text.delta", **place, delta=text, logprobs=[])
    yield event("response.output_text.done", **place, text=part["text"], logprobs=[])
    yield event("response.content_part.done", **place, part=part)
    yield event("response.output_item.done", output_index=0, item=message)
    yield event("response.completed", response=finished)


def _embeddings(wanted: Wanted, body: dict[str, Any]) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector = [0.125] * DIMENSIONS
    packed: Any = vector
    if body.get("encoding_format") == "base64":
        packed = base64.b64encode(array.array("f", vector).tobytes()).decode()
    answer = {
        "object": "list",
        "model": wanted.model,
        "data": [{"object": "embedding", "index": index, "embedding": packed} for index in range(len(texts))],
    }
    usage = {"prompt_tokens": wanted.input, "total_tokens": wanted.input}
    return answer if wanted.nousage else {**answer, "usage": usage}
