"""Facts as they travel: rows of the log, frozen, with the columns of their table in order."""

import datetime as dt
from typing import Any

import msgspec

from models import Activity, ApiCall, UsageEvent


class UsageFact(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="usage"):
    """A row of `usage_events`."""

    project_id: int
    time: dt.datetime
    id: str
    seq: int
    provider: str | None
    model: str
    operation: str | None
    subject: str | None
    environment: str | None
    trace_id: str | None
    session_id: str | None
    status: str
    error_type: str | None
    error_message: str | None
    duration_ms: float | None
    time_to_first_token_ms: float | None
    uncached_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    visible_tokens: int
    reasoning_tokens: int
    cost_picousd: int | None
    cost_source: str
    price_version: str | None
    estimated: bool
    attributes: dict[str, Any]


class ApiCallFact(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="api_call"):
    """A row of `api_calls`."""

    project_id: int
    time: dt.datetime
    id: str
    seq: int
    method: str
    route: str
    status: int
    duration_ms: float | None
    request_bytes: int | None
    response_bytes: int | None
    subject: str | None
    environment: str | None
    trace_id: str | None
    cache: str | None
    attributes: dict[str, Any]


class ActivityFact(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="activity"):
    """A row of `activities`."""

    project_id: int
    time: dt.datetime
    id: str
    seq: int
    kind: str
    name: str
    title: str
    subject: str | None
    severity: str | None
    node_type: str | None
    node_key: str | None
    payload: dict[str, Any]


Fact = UsageFact | ApiCallFact | ActivityFact

TABLES: dict[type[Fact], type[UsageEvent] | type[ApiCall] | type[Activity]] = {
    UsageFact: UsageEvent,
    ApiCallFact: ApiCall,
    ActivityFact: Activity,
}


def columns_of(fact: type[Fact]) -> tuple[str, ...]:
    """The column names of a fact's table, in the order of its fields."""
    return fact.__struct_fields__
