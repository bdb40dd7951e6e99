"""What all exports share: who may, how many at once, compression, and headers that make a browser save the file."""

import asyncio
import datetime as dt
import re
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from prometheus_client import Gauge
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ingest.keys import Authenticate, principal_of
from ingest.problems import Problem
from models import Database
from resolvers.errors import Invalid
from resolvers.exports.columns import written
from resolvers.principals import Principal, Role

READERS: Final = frozenset({Role.READER, Role.EDITOR, Role.ADMIN})
MEDIA_TYPES: Final = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
MOST_AT_ONCE: Final = 8
AS_OF: Final = "X-As-Of"
GZIP: Final = 16 + zlib.MAX_WBITS
LEVEL: Final = 5

RUNNING: Final = Gauge("vigie_exports_running", "Files being exported now.")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that is about to be sent. `as_of` is the time of the last commit in it, None where it has no such time."""

    pieces: AsyncIterable[bytes]
    as_of: dt.datetime | None = None


Prepare = Callable[[Database, Principal, Request], Awaitable[Prepared]]
"""Reads the parameters and begins. Raises Problem or Invalid for what cannot be exported."""


class Slots:
    """How many files this process sends at once: each takes a share of the database's time."""

    def __init__(self) -> None:
        self.taken = 0

    def check(self) -> None:
        """Raises Problem (503) when there is none."""
        if self.taken >= MOST_AT_ONCE:
            raise Problem(503, f"{MOST_AT_ONCE} exports are running: ask again when one has ended.", Retry_After="10")


class Endpoint:
    """One file."""

    def __init__(
        self, name: str, prepare: Prepare, authenticate: Authenticate, database: Database, slots: Slots
    ) -> None:
        self._name = name
        self._media_type = MEDIA_TYPES[name.rpartition(".")[2]]
        self._prepare = prepare
        self._authenticate = authenticate
        self._database = database
        self._slots = slots

    async def answer(self, request: Request) -> Response:
        """The file, or the problem with the request."""
        try:
            principal = await self._reader(request)
            self._slots.check()
            prepared = await self._prepare(self._database, principal, request)
        except Problem as problem:
            return problem.response()
        except Invalid as refusal:
            return Problem(400, refusal.message).response()
        headers = {"Content-Disposition": f'attachment; filename="{self._name}"', "Vary": "Accept-Encoding"}
        if prepared.as_of is not None:
            headers[AS_OF] = written(prepared.as_of)
        pieces = prepared.pieces
        if takes_gzip(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            pieces = gzipped(pieces)
        if request.method == "HEAD":
            return Response(headers=headers, media_type=self._media_type)
        return Download(self._slots, pieces, headers=headers, media_type=self._media_type)

    async def _reader(self, request: Request) -> Principal:
        principal = await principal_of(request, self._authenticate)
        if principal.role not in READERS:
            raise Problem(403, f"A key with the role {principal.role} only sends: export with another.")
        return principal


class Download(StreamingResponse):
    """Takes a slot from its first byte to its last. Connections whose client does not read are cut by the server."""

    def __init__(self, slots: Slots, pieces: AsyncIterable[bytes], *, headers: dict[str, str], media_type: str) -> None:
        super().__init__(pieces, headers=headers, media_type=media_type)
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._slots.taken += 1
        RUNNING.inc()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._slots.taken -= 1
            RUNNING.dec()


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` header takes gzip."""
    for offer in accepted.lower().split(","):
        name, _, weight = offer.strip().partition(";")
        if name.strip() in ("gzip", "x-gzip", "*"):
            return re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return False


async def gzipped(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The pieces as one gzip file."""
    stream = zlib.compressobj(LEVEL, wbits=GZIP)
    async for piece in pieces:
        if some := await asyncio.to_thread(stream.compress, piece):
            yield some
    yield stream.flush()
