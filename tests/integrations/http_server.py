"""An HTTP server on 127.0.0.1 that answers what it is told, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass
class Server:
    """`answers` by path: status, headers, body, and the seconds before the head."""

    port: int = 0
    answers: dict[str, tuple[int, Mapping[str, str], bytes, float]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tell(self, path: str, status: int = 200, body: bytes = b"", *, wait: float = 0.0, **headers: str) -> None:
        """Answers a path so from now on."""
        self.answers[path] = status, {name.replace("_", "-"): value for name, value in headers.items()}, body, wait

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append((method, path, headers, body))
            status, more, content, wait = self.answers.get(path, (404, {}, b"", 0.0))
            await asyncio.sleep(wait)
            lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(content)}"]
            lines += ["Connection: close", *(f"{name}: {value}" for name, value in more.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + content)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server until the block ends."""
    server = Server()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
