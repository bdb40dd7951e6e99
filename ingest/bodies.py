"""Reading a body no further than its limit, which holds after decompression."""

import zlib
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request

from ingest.problems import Problem

MOST_BYTES: Final = 10 * 2**20
PATIENCE: Final = 8 * MOST_BYTES
"""What is read of a body that is too large: most clients send all of it before they read an answer."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
GZIP: Final = 16 + zlib.MAX_WBITS


async def read_body(request: Request) -> bytes:
    """The body, decompressed. Raises Problem: 413 beyond the limit, 415 for other encodings, 400 for broken gzip."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        body = await _gunzipped(request)
    elif encoding in ("identity", ""):
        body = await _plain(request)
    else:
        raise Problem(
            415, f"`Content-Encoding: {encoding}` is not understood: use gzip or none.", Accept_Encoding="gzip"
        )
    return body.removeprefix(BYTE_ORDER_MARK)


async def _plain(request: Request) -> bytes:
    chunks = [chunk async for chunk in _limited(request)]
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _gunzipped(request: Request) -> bytes:
    body = bytearray()
    stream = zlib.decompressobj(GZIP)
    broken = Problem(400, "The body is not gzip, or broken off: send it again, or without `Content-Encoding`.")
    async for chunk in _limited(request):
        try:
            while chunk:
                if stream.eof:  # one gzip file may follow another
                    stream = zlib.decompressobj(GZIP)
                body += stream.decompress(chunk, MOST_BYTES + 1 - len(body))
                if len(body) > MOST_BYTES:
                    raise _too_large()
                chunk = stream.unused_data if stream.eof else stream.unconsumed_tail
        except zlib.error as error:
            raise broken from error
    if not stream.eof:
        raise broken
    return bytes(body)


async def _limited(request: Request) -> AsyncIterator[bytes]:
    """The chunks of the body as they come. Raises Problem 413 when they are too many."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > PATIENCE:
        raise _too_large()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > PATIENCE:
            break
        if chunk and size <= MOST_BYTES:
            yield chunk
    if size > MOST_BYTES:
        raise _too_large()


def _too_large() -> Problem:
    return Problem(
        413,
        f"The body is larger than {MOST_BYTES:,} bytes (10 MiB), the limit after decompression: "
        "send the events in several requests.",
        Connection="close",
    )
