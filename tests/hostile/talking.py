"""Raw connections: bytes out, what comes back until the server has said something, or closes."""

import re
import socket
import time
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from tests.running import Vigie

SOON: Final = 2.0
"""How long a client may wait for its answer, whatever others do."""


def connect(vigie: Vigie) -> socket.socket:
    address = urlsplit(vigie.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=SOON)


def say(vigie: Vigie, *parts: bytes) -> bytes:
    """The first answer to these bytes, its body included; what came until then when the server closes. Never waits
    longer than two seconds: raises TimeoutError."""
    with connect(vigie) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has answered before everything was sent
            for part in parts:
                connection.sendall(part)
        return _answer(connection)


def _answer(connection: socket.socket) -> bytes:
    answer, until = b"", time.monotonic() + SOON
    while not _is_whole(answer):
        connection.settimeout(max(0.01, until - time.monotonic()))
        try:
            data = connection.recv(1 << 16)
        except ConnectionResetError:
            break
        if not data:
            break
        answer += data
    return answer


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: (\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def status(answer: bytes) -> int:
    """The status of an answer; 0 for none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def request(
    vigie: Vigie,
    body: bytes = b"",
    *headers: bytes,
    path: bytes = b"/graphql",
    method: bytes = b"POST",
    length: int | None = None,
) -> bytes:
    """A request with our key, JSON unless the headers say otherwise."""
    lines = [b"%b %b HTTP/1.1" % (method, path), b"Host: vigie", b"Authorization: Bearer " + vigie.admin_key.encode()]
    names = {header.partition(b":")[0].lower() for header in headers}
    if b"content-type" not in names:
        lines.append(b"Content-Type: application/json")
    if not {b"content-length", b"transfer-encoding"} & names:
        lines.append(b"Content-Length: %d" % (len(body) if length is None else length))
    return b"\r\n".join([*lines, *headers, b"", body])
