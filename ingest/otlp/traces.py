"""`POST /v1/traces`: OTLP over HTTP, in protobuf or JSON."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from prometheus_client import Counter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingest.bodies import read_body
from ingest.keys import Authenticate, sender_of
from ingest.otlp.answers import JSON, PROTOBUF, exported, failed, media_type
from ingest.otlp.from_json import from_json
from ingest.otlp.from_protobuf import from_protobuf
from ingest.otlp.spans import events_of
from ingest.otlp.wire import Span, Traces, Undecodable
from ingest.problems import Problem
from ingest.storing import LARGE_BODY, store, tell_of, terms_for
from resolvers.events.decoding import Decoded
from resolvers.events.inputs import MOST_EVENTS, EventInput
from resolvers.events.recording import SLICE
from resolvers.events.rejections import Refused, Rejection
from resolvers.events.writer import Writer

PATH: Final = "/v1/traces"
DOOR: Final = "otlp"
DECODERS: Final[dict[str, Callable[[bytes], Traces]]] = {PROTOBUF: from_protobuf, JSON: from_json}
MOST_TOLD: Final = 20
"""Refused spans that an answer names."""
MOST_NAME: Final = 60

IGNORED = Counter(
    "vigie_otlp_ignored_spans_total", "Spans taken and let by: neither a model call nor a served request."
)


class OtlpTraces:
    """The ASGI application of this door."""

    def __init__(self, authenticate: Authenticate, writer: Writer) -> None:
        self._authenticate = authenticate
        self._writer = writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        kind = media_type(request)
        try:
            response = await self._answer(request, kind)
        except Problem as problem:
            tell_of(self._writer, request, problem, door=DOOR)
            response = failed(kind, problem)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request, kind: str) -> Response:
        if request.method != "POST":
            raise Problem(405, f"{request.method} is not for this address: send spans with POST.", Allow="POST")
        principal = await sender_of(request, self._authenticate)
        if kind not in DECODERS:
            raise Problem(
                415, f"The body must be declared as `Content-Type: {PROTOBUF}` or `{JSON}`.", Accept_Post=KINDS
            )
        body = await read_body(request)
        terms = await terms_for(self._writer, principal)
        if len(body) > LARGE_BODY:
            await self._writer.turn.wait()
        try:
            traces = DECODERS[kind](body)
        except Undecodable as error:
            raise Problem(400, str(error)) from error
        rejected: list[tuple[Span | Refused, Rejection]] = []
        pairs = events_of(traces, terms)
        while (taken := await _take(pairs)) is not None:
            spans, events = taken
            recorded = await store(self._writer, principal, Decoded(events, suspect=False), door=DOOR)
            rejected += [(spans[rejection.index], rejection) for rejection in recorded.rejected]
        return exported(kind, len(rejected), _told(rejected))


KINDS: Final = ", ".join(DECODERS)


async def _take(
    pairs: Iterator[tuple[Span | Refused, EventInput | Refused | None]],
) -> tuple[list[Span | Refused], list[EventInput | Refused]] | None:
    """As many events as one request may have, with their spans; None at the end. Others get their turn meanwhile."""
    spans: list[Span | Refused] = []
    events: list[EventInput | Refused] = []
    ignored = 0
    while len(events) <= MOST_EVENTS - SLICE and (some := list(islice(pairs, SLICE))):
        for span, event in some:
            if event is None:
                ignored += 1
            else:
                spans.append(span)
                events.append(event)
        await asyncio.sleep(0)
    if ignored:
        IGNORED.inc(ignored)
    return (spans, events) if spans else None


def _told(rejected: list[tuple[Span | Refused, Rejection]]) -> str:
    """Which spans were refused, and why."""
    told = [f"{_name(span)}: {rejection.message}" for span, rejection in rejected[:MOST_TOLD]]
    if len(rejected) > MOST_TOLD:
        told.append(f"and {len(rejected) - MOST_TOLD} more")
    return "\n".join(told)


def _name(span: Span | Refused) -> str:
    if isinstance(span, Refused):
        return "A span"
    return f"Span {span.span_id.hex() or 'without an id'} ({span.name[:MOST_NAME]})"
