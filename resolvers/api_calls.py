"""Single served API calls, newest first."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from models import ApiCall, ReadSession
from realtime.facts import ApiCallFact
from resolvers import facts
from resolvers.attribute_dimensions import AttributeFilter, check_filters
from resolvers.metrics.periods import Period


@dataclass(frozen=True, slots=True)
class ApiCallFilter:
    """Each list keeps calls with one of its values; an empty one keeps all."""

    subjects: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    environments: tuple[str, ...] = ()
    trace_id: str | None = None
    attributes: tuple[AttributeFilter, ...] = ()

    def __post_init__(self) -> None:
        check_filters(self.attributes)


async def list_api_calls(
    session: ReadSession,
    *,
    project_id: int,
    period: Period,
    filter: ApiCallFilter,  # noqa: A002
    limit: int,
    after: tuple[dt.datetime, int] | None,
) -> list[ApiCallFact]:
    """At most `limit` calls of a period behind `after` (time, seq): newest time first, then commit order."""
    conditions = conditions_of(filter)
    return await facts.page(session, ApiCallFact, project_id, period, conditions, limit=limit, after=after)


async def count_api_calls(
    session: ReadSession,
    *,
    project_id: int,
    period: Period,
    filter: ApiCallFilter,  # noqa: A002
) -> int:
    """How many calls a period has."""
    return await facts.count(session, ApiCallFact, project_id, period, conditions_of(filter))


async def get_api_call(session: ReadSession, *, project_id: int, seq: int) -> ApiCallFact | None:
    """The call with a sequence number, or None."""
    return await facts.get(session, ApiCallFact, project_id, seq)


def conditions_of(filter: ApiCallFilter) -> Sequence[ColumnElement[bool]]:  # noqa: A002
    return [
        *facts.among(ApiCall.subject, filter.subjects),
        *facts.among(ApiCall.route, filter.routes),
        *facts.among(ApiCall.method, filter.methods),
        *facts.among(ApiCall.status, filter.statuses),
        *facts.among(ApiCall.environment, filter.environments),
        *facts.among_attributes(ApiCall.attributes, filter.attributes),
        *facts.among(ApiCall.trace_id, (filter.trace_id,) if filter.trace_id is not None else ()),
    ]
