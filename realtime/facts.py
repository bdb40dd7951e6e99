"""Facts as they travel: rows of the log, frozen, with the columns of their table in order."""

import datetime as dt
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

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
    reported_picousd: int | None = None
    service_tier: str | None = None
    unpriced: str | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    output_image_tokens: int | None = None
    raw_usage: dict[str, Any] | None = None
    api_key_id: int | None = None
    computed_picousd: int | None = None


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

USAGE: Final = "usage"
API_CALL: Final = "api_call"
"""The kinds of facts that have tables of their own; every other kind is a value of `activities.kind`."""

TABLES: dict[type[Fact], type[UsageEvent] | type[ApiCall] | type[Activity]] = {
    UsageFact: UsageEvent,
    ApiCallFact: ApiCall,
    ActivityFact: Activity,
}


def kind_of(fact: Fact) -> str:
    """The kind of a fact, as the activity feed names it."""
    match fact:
        case UsageFact():
            return USAGE
        case ApiCallFact():
            return API_CALL
        case ActivityFact():
            return fact.kind


class Committed(msgspec.Struct, frozen=True):
    """What one commit added to a project's log: every number from `first_seq` to `last_seq`.

    `facts` are all of them in that order, or None when they are many: then listeners read them from the tables.
    """

    project_id: int
    first_seq: int
    last_seq: int
    committed_at: dt.datetime
    facts: list[Fact] | None = None


class Span(msgspec.Struct, frozen=True, dict=True):
    """A stretch of a project's log: every number above `after` up to `last_seq`, and the facts that are left of it.

    `committed_at` is the time of its first commit; `unread` counts the numbers of facts that nobody asked for.
    """

    after: int
    last_seq: int
    facts: Sequence[Fact]
    committed_at: dt.datetime
    unread: int = 0

    @property
    def missed(self) -> int:
        """How many numbers have no row any more."""
        return self.last_seq - self.after - len(self.facts) - self.unread

    @cached_property
    def size(self) -> int:
        """What the facts take, in bytes as they travel between processes."""
        return sum(map(size_of, self.facts))

    def behind(self, seq: int) -> "Span":
        """The part behind `seq`."""
        if seq <= self.after:
            return self
        facts = [fact for fact in self.facts if fact.seq > seq]
        return Span(seq, max(seq, self.last_seq), facts, self.committed_at)

    def within(self, most_bytes: int) -> "Span":
        """As much of it from its start as takes at most so many bytes: one fact at least."""
        if self.size <= most_bytes or len(self.facts) == 1:
            return self
        kept, size = 0, size_of(self.facts[0])
        while size <= most_bytes:
            kept += 1
            size += size_of(self.facts[kept])
        facts = self.facts[: max(kept, 1)]
        unread = self.unread - (self.last_seq - facts[-1].seq) + len(self.facts) - len(facts) if self.unread else 0
        return Span(self.after, facts[-1].seq, facts, self.committed_at, unread)


def size_of(fact: Fact) -> int:
    """The bytes of a fact as it travels between processes."""
    _encoder.encode_into(fact, _scratch)
    return len(_scratch)


_encoder: Final = msgspec.json.Encoder()
_scratch: Final = bytearray()


def columns_of(fact: type[Fact]) -> tuple[str, ...]:
    """The column names of a fact's table, in the order of its fields."""
    return fact.__struct_fields__
