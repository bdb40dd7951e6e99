"""`POST /v1/events`: usage events and API calls in a JSON batch or as newline-delimited JSON."""

import math
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingest.bodies import read_body
from ingest.keys import Authenticate, principal_of
from ingest.problems import Problem
from resolvers.errors import LimitReached, NotFound, Unavailable
from resolvers.events.decoding import Decoded, TooManyEvents, from_json, from_lines
from resolvers.events.recording import record
from resolvers.events.writer import StorageFull, Writer
from resolvers.principals import Principal, Role

PATH: Final = "/v1/events"
SENDERS: Final = frozenset({Role.INGEST, Role.EDITOR, Role.ADMIN})
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
DECODERS: Final[dict[str, Callable[[bytes], Decoded]]] = {JSON: from_json, LINES: from_lines}
RETRY_SECONDS: Final = 1.0
LARGE_BODY: Final = 2**14
"""Takes longer to decode and check than a statement of the writer."""

_encode = msgspec.json.Encoder().encode


class JsonEvents:
    """The ASGI application of this door."""

    def __init__(self, authenticate: Authenticate, writer: Writer) -> None:
        self._authenticate = authenticate
        self._writer = writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(Request(scope, receive))
        except Problem as problem:
            response = problem.response()
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            raise Problem(405, f"{request.method} is not for this address: send events with POST.", Allow="POST")
        principal = await self._sender(request)
        decode = _decoder(request)
        body = await read_body(request)
        if len(body) > LARGE_BODY:
            await self._writer.turn.wait()
        decoded = _decoded(decode, body)
        try:
            recorded = await record(self._writer, project_id=principal.project_id, decoded=decoded, door="json")
        except StorageFull as refusal:
            raise Problem(507, refusal.message, Retry_After=_seconds(refusal)) from refusal
        except Unavailable as refusal:
            raise Problem(503, refusal.message, Retry_After=_seconds(refusal)) from refusal
        except LimitReached as refusal:
            raise Problem(429, refusal.message, Retry_After=_seconds(refusal)) from refusal
        except NotFound as refusal:
            raise Problem(403, refusal.message) from refusal
        return Response(_encode(recorded), media_type=JSON)

    async def _sender(self, request: Request) -> Principal:
        principal = await principal_of(request, self._authenticate)
        if principal.role not in SENDERS:
            raise Problem(
                403, f"A key with the role {principal.role} only reads: send with one of ingest, editor or admin."
            )
        return principal


def _decoder(request: Request) -> Callable[[bytes], Decoded]:
    declared = request.headers.get("content-type", "").lower()
    media_type, *parameters = (part.strip() for part in declared.split(";"))
    charsets = {part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")}
    if media_type not in DECODERS or not charsets <= {"utf-8", "utf8"}:
        raise Problem(
            415, f"The body must be declared as `Content-Type: {JSON}` or `{LINES}`, in UTF-8.", Accept_Post=_ACCEPTED
        )
    return DECODERS[media_type]


def _decoded(decode: Callable[[bytes], Decoded], body: bytes) -> Decoded:
    try:
        return decode(body)
    except TooManyEvents as refusal:
        raise Problem(413, refusal.message) from refusal
    except msgspec.ValidationError as error:
        raise Problem(422, 'The body must be an object with one member, `{"events": [...]}`.') from error
    except UnicodeDecodeError as error:
        raise Problem(400, f"The body is not UTF-8: there is a foreign byte at {error.start}.") from error
    except RecursionError as error:
        raise Problem(400, "The body is nested too deeply to be read: flatten it.") from error
    except msgspec.DecodeError as error:
        raise Problem(400, f'The body is not JSON ({error}): send `{{"events": [...]}}`.') from error


def _seconds(refusal: Unavailable | LimitReached) -> str:
    return str(math.ceil(getattr(refusal, "retry_after", None) or RETRY_SECONDS))


_ACCEPTED: Final = ", ".join(DECODERS)
