"""The checks that every event passes, whatever door it came through, and the row that it becomes.

A row is a list with the columns of its table in order, ready for the stores; `seq` waits for the writer.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

import uuid_utils

from models.base import PICODOLLARS
from resolvers.events.attributes import attributes_json
from resolvers.events.inputs import ROUTE, ApiCallInput, EventInput, Tokens, UsageEventInput
from resolvers.events.plausibility import check_plausible
from resolvers.events.rejections import TIME_OUT_OF_RANGE, Refused, Rejection, unfit
from resolvers.events.terms import IngestTerms
from resolvers.events.usage import raw_json, tokens_of_raw
from resolvers.prices.pricing import basis_of, compute

Row: TypeAlias = list[Any]

FUTURE: Final = dt.timedelta(minutes=5)
MOST_USD: Final = 1_000_000
NANOSECOND: Final = 1e-6  # in milliseconds

_NO_TOKENS: Final = Tokens()
_PICODOLLAR: Final = Decimal(1).scaleb(-12)
_EXACTLY: Final = Context(prec=60)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
_METHOD: Final = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]+")


@dataclass(slots=True)
class Checked:
    """What came of a request: rows by table, the place of each in the request, and the rejections in order.

    `contents` are rows of `usage_contents`, by the identity of the usage row that each belongs to.
    """

    usage: list[Row] = field(default_factory=list)
    contents: dict[int, Row] = field(default_factory=dict)
    usage_at: list[int] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    calls_at: list[int] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


class Checker:
    """Checks the events of one request: for one project, at one moment, on the project's terms.

    `suspect` asks for a look at every string, for those that a database refuses: the caller knows when none can hold
    a NUL or half a surrogate pair, and saves it.
    """

    def __init__(
        self,
        *,
        project_id: int,
        now: dt.datetime,
        terms: IngestTerms,
        suspect: bool = True,
        key_id: int | None = None,
    ) -> None:
        self._project_id = project_id
        self._key_id = key_id
        self._floor = terms.floor
        self._now = now
        self._latest = now + FUTURE
        self._keeping = terms.keeping
        self._book = terms.book
        self._suspect = suspect

    def check(self, events: Sequence[EventInput | Refused | None], into: Checked, *, start: int = 0) -> None:
        """Adds what comes of each event to `into`; the first one has the place `start` in its request."""
        for index, event in enumerate(events, start):
            try:
                if type(event) is UsageEventInput:  # faster than isinstance, and nothing inherits from it
                    row = self._usage(event)
                    if self._keeping is not None:
                        content = self._keeping.usage(row, event, self._now)
                        if content is not None:
                            into.contents[id(row)] = content
                    into.usage.append(row)
                    into.usage_at.append(index)
                elif type(event) is ApiCallInput:
                    row = self._call(event)
                    if self._keeping is not None:
                        self._keeping.call(row, event)
                    into.calls.append(row)
                    into.calls_at.append(index)
                elif isinstance(event, Refused):
                    into.rejected.append(event.at(index))
            except Refused as refused:
                into.rejected.append(refused.at(index))

    def _usage(self, event: UsageEventInput) -> Row:
        time = self._time(event.time)
        error = event.error
        if self._suspect:
            _check_text("id", event.id)
            _check_text("provider", event.provider)
            _check_text("model", event.model)
            _check_text("operation", event.operation)
            _check_text("sessionId", event.session_id)
            _check_text("serviceTier", event.service_tier)
            _check_text("error.type", error.type if error else None)
            _check_text("error.message", error.message if error else None)
            _check_shared_text(event)
        raw_usage = event.raw_usage
        tokens = event.tokens or (tokens_of_raw(raw_usage) if raw_usage else _NO_TOKENS)
        cache_read = tokens.cache_read or 0
        cache_write = tokens.cache_write or 0
        reasoning = tokens.reasoning or 0
        uncached = (tokens.input or 0) - cache_read - cache_write
        visible = (tokens.output or 0) - reasoning
        if uncached < 0:
            raise Refused(
                "tokens.input",
                "`tokens.input` includes cached tokens: it must be at least `cacheRead` + `cacheWrite` "
                f"({cache_read + cache_write}), and is {tokens.input or 0}.",
            )
        if visible < 0:
            raise Refused(
                "tokens.output",
                f"`tokens.output` includes reasoning: it must be at least `reasoning` ({reasoning}), "
                f"and is {tokens.output or 0}.",
            )
        input_audio, input_image = tokens.input_audio, tokens.input_image
        output_audio, output_image = tokens.output_audio, tokens.output_image
        if input_audio or input_image:
            _check_parts("input", tokens.input, input_audio, input_image)
        if output_audio or output_image:
            _check_parts("output", tokens.output, output_audio, output_image)
        provider = event.provider
        model = event.model
        ours, rates, unpriced = compute(
            self._book,
            provider,
            model,
            event.service_tier,
            time,
            uncached,
            cache_read,
            cache_write,
            visible,
            reasoning,
            input_audio or 0,
            output_audio or 0,
            input_image or 0,
            output_image or 0,
        )
        reported = None
        if event.cost_usd is not None:
            reported = _picodollars(event.cost_usd)
            check_plausible(reported, ours, unpriced=unpriced)
        cost, source, version, unpriced, computed = basis_of(ours, rates, unpriced, reported)
        return [
            self._project_id,
            time,
            event.id or str(uuid_utils.uuid7()),
            0,
            provider,
            model,
            event.operation,
            event.subject,
            event.environment,
            event.trace_id,
            event.session_id,
            event.status or "ok",
            error and error.type,
            error and error.message,
            _milliseconds(event.duration_ms),
            _milliseconds(event.time_to_first_token_ms),
            uncached,
            cache_read,
            cache_write,
            visible,
            reasoning,
            cost,
            source,
            version,
            event.estimated or False,
            attributes_json(event.attributes),
            reported,
            event.service_tier,
            unpriced,
            input_audio,
            output_audio,
            input_image,
            output_image,
            raw_json(raw_usage) if raw_usage else None,
            self._key_id,
            computed,
        ]

    def _call(self, event: ApiCallInput) -> Row:
        time = self._time(event.time)
        if self._suspect:
            _check_text("id", event.id)
            _check_text("route", event.route)
            _check_shared_text(event)
        if len(event.route) * 4 > ROUTE and len(event.route.encode()) > ROUTE:
            raise unfit("route")
        method = event.method
        if method not in _METHODS:
            method = method.upper()
            if not (event.method.isascii() and _METHOD.fullmatch(method)):  # ſ and ß have capitals in ASCII
                raise unfit("method")
        return [
            self._project_id,
            time,
            event.id or str(uuid_utils.uuid7()),
            0,
            method,
            event.route,
            event.status,
            _milliseconds(event.duration_ms),
            event.request_bytes,
            event.response_bytes,
            event.subject,
            event.environment,
            event.trace_id,
            event.cache,
            attributes_json(event.attributes),
        ]

    def _time(self, time: dt.datetime) -> dt.datetime:
        if time < self._floor:
            raise Refused(
                "time",
                f"`time` lies before {self._floor:%Y-%m-%dT%H:%M:%SZ}, from where on this project keeps events.",
                TIME_OUT_OF_RANGE,
            )
        if time > self._latest:
            raise Refused(
                "time",
                f"`time` lies after {self._latest:%Y-%m-%dT%H:%M:%SZ}: at most 5 minutes ahead of the server's clock.",
                TIME_OUT_OF_RANGE,
            )
        return time if time.tzinfo is dt.UTC else time.astimezone(dt.UTC)


def _check_shared_text(event: EventInput) -> None:
    _check_text("subject", event.subject)
    _check_text("environment", event.environment)
    _check_text("traceId", event.trace_id)


def _check_text(name: str, text: str | None) -> None:
    if text is None:
        return
    if "\0" in text:
        raise Refused(name, f"`{name}` holds a NUL character (\\u0000): remove it.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Refused(name, f"`{name}` holds half a surrogate pair: send whole characters.") from error


def _check_parts(name: str, whole: int | None, audio: int | None, image: int | None) -> None:
    """Raises Refused when tokens of sound and pictures are more than all of that side."""
    parts = (audio or 0) + (image or 0)
    if parts > (whole or 0):
        raise Refused(
            f"tokens.{name}",
            f"`tokens.{name}` includes tokens of audio and images: it must be at least `{name}Audio` + `{name}Image` "
            f"({parts}), and is {whole or 0}.",
        )


def _milliseconds(value: float | None) -> float | None:
    """The value, or 0 below a nanosecond: PostgreSQL refuses to multiply numbers whose product is too small for it."""
    return value if value is None or value >= NANOSECOND else 0.0


def _picodollars(dollars: Decimal) -> int:
    """The amount in picodollars, rounded half to even. Raises Refused outside 0 to a million dollars."""
    if not dollars.is_finite() or not 0 <= dollars <= MOST_USD:
        raise unfit("costUsd")
    try:
        return int(dollars.quantize(_PICODOLLAR, context=_EXACTLY) * PICODOLLARS)
    except InvalidOperation as error:
        raise unfit("costUsd") from error
