"""`POST /v1/events`: usage events and API calls in a JSON batch or as newline-delimited JSON."""

from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingest.bodies import read_body
from ingest.keys import Authenticate, sender_of
from ingest.problems import Problem
from ingest.storing import LARGE_BODY, store, tell_of
from resolvers.events.decoding import Decoded, TooManyEvents, from_json, from_lines
from resolvers.events.writer import Writer

PATH: Final = "/v1/events"
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
DECODERS: Final[dict[str, Callable[[bytes], Decoded]]] = {JSON: from_json, LINES: from_lines}

_encode = msgspec.json.Encoder().encode


class JsonEvents:
    """The ASGI application of this door."""

    def __init__(self, authenticate: Authenticate, writer: Writer) -> None:
        self._authenticate = authenticate
        self._writer = writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Problem as problem:
            tell_of(self._writer, request, problem, door="json")
            response = problem.response()
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            raise Problem(405, f"{request.method} is not for this address: send events with POST.", Allow="POST")
        principal = await sender_of(request, self._authenticate)
        decode = _decoder(request)
        body = await read_body(request)
        if len(body) > LARGE_BODY:
            await self._writer.turn.wait()
        recorded = await store(self._writer, principal, _decoded(decode, body), door="json")
        return Response(_encode(recorded), media_type=JSON)


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


_ACCEPTED: Final = ", ".join(DECODERS)
