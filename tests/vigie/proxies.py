"""A reverse proxy of the plainest kind: HTTP/1.1, a connection each, every byte passed on as it comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

HOP: tuple[bytes, ...] = (b"connection", b"keep-alive", b"host", b"upgrade", b"te")
NOBODY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@asynccontextmanager
async def reverse_proxy(url: str) -> AsyncIterator[str]:
    """The URL of a proxy before `url`, for as long as the block runs."""
    upstream = urlsplit(url)
    assert upstream.hostname
    assert upstream.port
    host, port = upstream.hostname, upstream.port

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await _pass_on(reader, writer, host, port)
        await _close(writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        server.close()
        await asyncio.gather(*serving)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    """One request, whose connection ends with its answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    request, *lines = head.rstrip().split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].lower() not in HOP]
    sizes = [int(line.partition(b":")[2]) for line in kept if line.lower().startswith(b"content-length:")]
    try:
        from_vigie, to_vigie = await asyncio.open_connection(host, port)
    except OSError:
        writer.write(NOBODY)
        return
    own = [b"Host: %b:%d" % (host.encode(), port), b"Connection: close"]
    to_vigie.write(b"\r\n".join([request, *own, *kept, b"", b""]) + await reader.readexactly(sum(sizes)))
    answering = asyncio.create_task(_copy(from_vigie, writer))
    leaving = asyncio.create_task(reader.read(1))
    await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
    for task in (answering, leaving):
        task.cancel()
    await asyncio.gather(answering, leaving, return_exceptions=True)
    await _close(to_vigie)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


class Gate:
    """A port before a server, which can be shut: then connections break, and new ones are refused."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = host, port
        self._passing: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        """Passes on what comes, at the same port every time."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Breaks what is open and takes nothing more."""
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(*self._upstream)
        copies = [asyncio.create_task(_copy(reader, to_server)), asyncio.create_task(_copy(from_server, writer))]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            await _close(to_server)
            await _close(writer)
