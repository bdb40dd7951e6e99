"""What a file says of a fact: one list of columns for each kind, from which CSV, JSONL and the way back are made.

A column that has a `field` is a part of the event, at that dotted path; the others only tell, such as a computed cost.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import orjson

from models.base import PICODOLLARS
from realtime.facts import ApiCallFact, UsageFact
from resolvers.exports.cells import guarded, unguarded
from resolvers.prices.pricing import FROM_PROVIDER

Event = dict[str, Any]
TEXT, NUMBER, EXACT, FLAG, OBJECT = "text", "number", "exact", "flag", "object"


@dataclass(frozen=True, slots=True)
class Column:
    """`value` answers what a fact has there, None for nothing; `kind` says how a cell is written and read.

    A number is one of JSON; an exact one travels as text in JSON too.
    """

    name: str
    value: Callable[[Any], Any]
    kind: str
    field: str | None

    def cell(self, fact: Any) -> str:
        """The value as a cell of CSV."""
        value = self.value(fact)
        if value is None:
            return ""
        match self.kind:
            case "text":
                return guarded(value)
            case "flag":
                return "true" if value else "false"
            case "object":
                return orjson.dumps(value).decode() if value else ""
            case _:
                return str(value)

    def read(self, cell: str) -> Any:
        """The value in a cell that is not empty, as JSON has it. Raises ValueError for what is none."""
        match self.kind:
            case "text":
                return unguarded(cell)
            case "flag":
                if cell.lower() not in ("true", "false"):
                    raise ValueError(f"`{self.name}` is neither true nor false")
                return cell.lower() == "true"
            case "object":
                return orjson.loads(cell)
            case "number":
                return int(cell) if cell.isdecimal() else float(cell)
            case _:
                return cell


def event_of(columns: Sequence[Column], kind: str, fact: Any) -> Event:
    """The event, as `POST /v1/events` takes it, that a fact came from."""
    event: Event = {"type": kind}
    for column in columns:
        if column.field is not None and (value := column.value(fact)) not in (None, {}):
            _put(event, column.field, value)
    return event


def event_in(columns: Sequence[Column | None], kind: str, cells: Sequence[str]) -> Event:
    """The event in the cells of a row; None stands for a column that is not ours. Raises ValueError."""
    event: Event = {"type": kind}
    for column, cell in zip(columns, cells, strict=True):
        if column is not None and column.field is not None and cell:
            _put(event, column.field, column.read(cell))
    return event


def _put(event: Event, field: str, value: Any) -> None:
    outer, _, inner = field.partition(".")
    if inner:
        event.setdefault(outer, {})[inner] = value
    else:
        event[field] = value


def written(time: dt.datetime) -> str:
    """A time in UTC as files have it, with all of its microseconds."""
    return time.isoformat().replace("+00:00", "Z")


def dollars(picodollars: int | None) -> str | None:
    """Dollars in plain digits."""
    if picodollars is None:
        return None
    text = format(Decimal(picodollars) / PICODOLLARS, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _reported(fact: UsageFact) -> str | None:
    """What the sender said that the provider billed. Calls of the first releases keep it as their cost alone."""
    billed = fact.cost_picousd if fact.cost_source == FROM_PROVIDER else None
    return dollars(billed if fact.reported_picousd is None else fact.reported_picousd)


def _input(fact: UsageFact) -> int:
    return fact.uncached_tokens + fact.cache_read_tokens + fact.cache_write_tokens


def _output(fact: UsageFact) -> int:
    return fact.visible_tokens + fact.reasoning_tokens


def _sent(name: str, value: str | Callable[[Any], Any], kind: str = TEXT, *, field: str | None = None) -> Column:
    """A column of the event; `value` may be the name of the fact's attribute."""
    return Column(name, attrgetter(value) if isinstance(value, str) else value, kind, field or name)


def _told(name: str, value: str | Callable[[Any], Any], kind: str = TEXT) -> Column:
    return Column(name, attrgetter(value) if isinstance(value, str) else value, kind, None)


USAGE: Final = (
    _sent("time", lambda fact: written(fact.time), EXACT),
    _sent("id", "id"),
    _sent("provider", "provider"),
    _sent("model", "model"),
    _sent("operation", "operation"),
    _sent("subject", "subject"),
    _sent("environment", "environment"),
    _sent("traceId", "trace_id"),
    _sent("sessionId", "session_id"),
    _sent("status", "status"),
    _sent("error.type", "error_type"),
    _sent("error.message", "error_message"),
    _sent("durationMs", "duration_ms", NUMBER),
    _sent("timeToFirstTokenMs", "time_to_first_token_ms", NUMBER),
    _sent("tokens.input", _input, NUMBER),
    _sent("tokens.output", _output, NUMBER),
    _sent("tokens.cacheRead", "cache_read_tokens", NUMBER),
    _sent("tokens.cacheWrite", "cache_write_tokens", NUMBER),
    _sent("tokens.reasoning", "reasoning_tokens", NUMBER),
    _sent("tokens.inputAudio", "input_audio_tokens", NUMBER),
    _sent("tokens.outputAudio", "output_audio_tokens", NUMBER),
    _sent("tokens.inputImage", "input_image_tokens", NUMBER),
    _sent("tokens.outputImage", "output_image_tokens", NUMBER),
    _told("costUsd", lambda fact: dollars(fact.cost_picousd), EXACT),
    _told("costSource", lambda fact: fact.cost_source.upper()),
    _told("priceVersion", "price_version"),
    _told("unpriced", "unpriced"),
    _told("computedCostUsd", lambda fact: dollars(fact.computed_picousd), EXACT),
    _sent("reportedCostUsd", _reported, EXACT, field="costUsd"),
    _sent("serviceTier", "service_tier"),
    _sent("attributes", "attributes", OBJECT),
    _sent("rawUsage", "raw_usage", OBJECT),
    _sent("estimated", "estimated", FLAG),
)

API_CALLS: Final = (
    _sent("time", lambda fact: written(fact.time), EXACT),
    _sent("id", "id"),
    _sent("method", "method"),
    _sent("route", "route"),
    _sent("status", "status", NUMBER),
    _sent("durationMs", "duration_ms", NUMBER),
    _sent("requestBytes", "request_bytes", NUMBER),
    _sent("responseBytes", "response_bytes", NUMBER),
    _sent("subject", "subject"),
    _sent("environment", "environment"),
    _sent("traceId", "trace_id"),
    _sent("attributes", "attributes", OBJECT),
    _sent("cache", "cache"),
)

COLUMNS: Final[dict[type, tuple[str, tuple[Column, ...]]]] = {
    UsageFact: ("usage", USAGE),
    ApiCallFact: ("apiCall", API_CALLS),
}
"""The type of the event, and the columns, by the kind of fact."""
