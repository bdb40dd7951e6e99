"""`POST /push/{token}`: a sign of life of a cron job or a worker. The token is the key; a body is not read.

`?status=down` says that the work failed, `message` says why, and `durationMs` how long it took.
"""

from typing import Annotated, Final, Literal

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from ingest.problems import Problem
from models import Database
from resolvers.heartbeats.beating import Beat, beat, look_up

PREFIX: Final = "/push/"
PATH: Final = f"{PREFIX}{{token}}"
MOST_MESSAGE: Final = 500


class Sent(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What the parameters may say."""

    status: Literal["ok", "up", "down", "error"] = "ok"
    message: str | None = None
    duration_ms: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None

    def beat(self) -> Beat:
        """The beat that is meant."""
        message = "".join(letter for letter in self.message or "" if letter.isprintable())[:MOST_MESSAGE]
        return Beat(self.status in ("ok", "up"), message or None, self.duration_ms)


class Heartbeats:
    """The endpoint."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answer(self, request: Request) -> Response:
        """Takes the beat in; 404 for a token that is none."""
        token = request.path_params["token"]
        try:
            sent = msgspec.convert(dict(request.query_params), Sent, strict=False).beat()
        except msgspec.ValidationError as error:
            return Problem(400, f"The parameters are not understood: {error}.").response()
        async with self._database.read() as session:
            known, wanted = await look_up(session, token=token, sent=sent)
        if not known:
            return Problem(404, "No heartbeat has this token.").response()
        if wanted:
            async with self._database.write() as session:
                await beat(session, token=token, sent=sent)
        return Response(orjson.dumps({"ok": True}), media_type="application/json")
