"""Receivers of notifications for tests: an HTTP endpoint (web hooks, Slack) and an SMTP server, on this machine."""

import re
import socketserver
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Answer = tuple[int, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Got:
    """A request: its path, its headers by lower-case name, its body; and what it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int


@dataclass
class Endpoint:
    """Takes what is posted to it. `answer` says what it answers: a status, headers, after whatever time it takes."""

    answer: Callable[[int], Answer] = lambda number: (200, {})
    got: list[Got] = field(default_factory=list)
    port: int = 0
    _server: ThreadingHTTPServer | None = None
    _numbers: int = 0

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def taken(self) -> Counter[str]:
        """How often each delivery was taken, by its id."""
        return Counter(one.headers["idempotency-key"] for one in self.got if one.status < 300)

    def start(self) -> None:
        """Begins to listen: on the port that it had before, if any."""
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                endpoint._numbers += 1
                status, headers = endpoint.answer(endpoint._numbers)
                said = {name.lower(): value for name, value in self.headers.items()}
                endpoint.got.append(Got(self.path, said, body, status))
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stops listening: connections are refused then."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is nothing to complain of."""


class Mailbox:
    """An SMTP server that keeps each letter as text in `letters`."""

    def __init__(self) -> None:
        self.letters: list[str] = []
        letters = self.letters

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 ready")
                while line := self.rfile.readline():
                    word = line.split(b" ", 1)[0].strip().upper()
                    if word == b"DATA":
                        self._say("354 go on")
                        letters.append(self._letter())
                    elif word == b"QUIT":
                        return self._say("221 bye")
                    self._say("250 fine")
                return None

            def _letter(self) -> str:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line.decode())
                return "".join(lines)

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def taken(self) -> Counter[str]:
        """How often each delivery was taken, by its id."""
        return Counter(found for letter in self.letters for found in re.findall(r"Delivery ([\w-]+)", letter))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
