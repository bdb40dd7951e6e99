"""A stand-in for Vigie's door for events, which answers as a test wants."""

import gzip
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

TAKEN: dict[str, Any] = {"accepted": 1, "duplicates": 0, "rejected": []}


@dataclass(frozen=True)
class Sent:
    """A request that came, and when, by the monotonic clock."""

    path: str
    headers: dict[str, str]
    events: list[dict[str, Any]]
    at: float


@dataclass(frozen=True)
class Reply:
    """An answer, after so many seconds."""

    status: int = 200
    body: Any = field(default_factory=lambda: TAKEN)
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0


@dataclass
class Door:
    """`reply` makes the answer to the request of that number, from 1; `sent` is what came."""

    reply: Callable[[int], Reply] = lambda number: Reply()
    sent: list[Sent] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for sent in self.sent for event in sent.events]

    def until(self, requests: int, patience: float = 10.0) -> None:
        """Waits until so many requests have come."""
        deadline = time.monotonic() + patience
        while len(self.sent) < requests:
            assert time.monotonic() < deadline, f"{len(self.sent)} of {requests} requests came"
            time.sleep(0.01)

    def __enter__(self) -> Self:
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                door.sent.append(Sent(self.path, headers, json.loads(body)["events"], time.monotonic()))
                reply = door.reply(len(door.sent))
                if door._ended.wait(reply.after) and reply.after:
                    return
                self._answer(reply.status, json.dumps(reply.body).encode(), reply.headers)

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                try:
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    return  # the sender did not wait

            def log_message(self, *_: object) -> None:
                return

        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
