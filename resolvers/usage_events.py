"""Single model calls, newest first."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from models import ReadSession, UsageEvent
from realtime.facts import UsageFact
from resolvers import facts
from resolvers.attribute_dimensions import AttributeFilter, check_filters
from resolvers.metrics.periods import Period


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Each list keeps events with one of its values; an empty one keeps all."""

    subjects: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    trace_id: str | None = None
    session_id: str | None = None
    attributes: tuple[AttributeFilter, ...] = ()

    def __post_init__(self) -> None:
        check_filters(self.attributes)


async def list_usage_events(
    session: ReadSession,
    *,
    project_id: int,
    period: Period,
    filter: UsageFilter,  # noqa: A002
    limit: int,
    after: tuple[dt.datetime, int] | None,
) -> list[UsageFact]:
    """At most `limit` events of a period behind `after` (time, seq): newest time first, then commit order."""
    conditions = conditions_of(filter)
    return await facts.page(session, UsageFact, project_id, period, conditions, limit=limit, after=after)


async def count_usage_events(
    session: ReadSession,
    *,
    project_id: int,
    period: Period,
    filter: UsageFilter,  # noqa: A002
) -> int:
    """How many events a period has."""
    return await facts.count(session, UsageFact, project_id, period, conditions_of(filter))


async def get_usage_event(session: ReadSession, *, project_id: int, seq: int) -> UsageFact | None:
    """The event with a sequence number, or None."""
    return await facts.get(session, UsageFact, project_id, seq)


def conditions_of(filter: UsageFilter) -> Sequence[ColumnElement[bool]]:  # noqa: A002
    return [
        *facts.among(UsageEvent.subject, filter.subjects),
        *facts.among(UsageEvent.model, filter.models),
        *facts.among(UsageEvent.provider, filter.providers),
        *facts.among(UsageEvent.operation, filter.operations),
        *facts.among(UsageEvent.status, filter.statuses),
        *facts.among(UsageEvent.environment, filter.environments),
        *facts.among_attributes(UsageEvent.attributes, filter.attributes),
        *facts.among(UsageEvent.trace_id, (filter.trace_id,) if filter.trace_id is not None else ()),
        *facts.among(UsageEvent.session_id, (filter.session_id,) if filter.session_id is not None else ()),
    ]
