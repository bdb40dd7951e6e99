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
