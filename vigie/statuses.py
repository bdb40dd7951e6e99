"""`GET /status/{project}.json`: the status of a project that shows it to everybody, without a key.

It is read from the database at most once in two seconds for each project that shows it, whoever asks how often.
"""

import asyncio
import hashlib
from typing import Final

import orjson
from cachetools import TTLCache
from starlette.requests import Request
from starlette.responses import Response

from ingest.problems import Problem
from models import Database
from resolvers.components.documents import status_document

PREFIX: Final = "/status/"
PATH: Final = f"{PREFIX}{{project}}.json"
REMEMBERED_SECONDS: Final = 2.0
MOST_REMEMBERED: Final = 1000
MOST_NAME: Final = 63
HEADERS: Final = {
    "Cache-Control": f"public, max-age={REMEMBERED_SECONDS:.0f}",
    "Access-Control-Allow-Origin": "*",
}


class Statuses:
    """The endpoint."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: TTLCache[str, bytes] = TTLCache(MOST_REMEMBERED, REMEMBERED_SECONDS)
        self._turn = asyncio.Lock()

    async def answer(self, request: Request) -> Response:
        """The document, or 404: for a project that is none as for one that shows nothing."""
        document = await self._document(request.path_params["project"])
        if document is None:
            return Problem(404, "No project shows its status here.").response()
        tag = f'"{hashlib.sha256(document).hexdigest()[:32]}"'
        headers = {**HEADERS, "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(document, headers=headers, media_type="application/json")

    async def _document(self, name: str) -> bytes | None:
        if len(name) > MOST_NAME or not name.isascii() or not name.isprintable():
            return None
        async with self._turn:
            known = self._known.get(name)
            if known is not None:
                return known
            async with self._database.read() as session:
                found = await status_document(session, name=name)
            if found is None:
                return None
            document = self._known[name] = orjson.dumps(found, option=orjson.OPT_UTC_Z)
            return document
