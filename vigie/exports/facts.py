"""Single calls: the parameters of `usageEvents` and `apiCalls`, and the files of what those answer."""

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeVar

from sqlalchemy import ColumnElement
from starlette.requests import Request

from models import Database
from realtime.facts import ApiCallFact, UsageFact
from resolvers import api_calls, usage_events
from resolvers.attribute_dimensions import check_declared
from resolvers.exports.facts import export_facts
from resolvers.metrics.snapshots import take_snapshot
from resolvers.principals import Principal
from vigie.exports.endpoint import Prepare, Prepared
from vigie.exports.parameters import AskedOfPeriod, asked

F = TypeVar("F", UsageFact, ApiCallFact)


class AskedUsage(AskedOfPeriod):
    """The parameters of `usageEvents`."""

    any_case: ClassVar[frozenset[str]] = frozenset({"statuses"})

    subjects: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    statuses: tuple[Literal["ok", "error", "aborted"], ...] = ()
    environments: tuple[str, ...] = ()
    trace_id: str | None = None
    session_id: str | None = None

    def conditions(self) -> Sequence[ColumnElement[bool]]:
        """What the rows are asked. Raises Invalid past 1,000 values a list."""
        return usage_events.conditions_of(
            usage_events.UsageFilter(
                subjects=self.subjects,
                models=self.models,
                providers=self.providers,
                operations=self.operations,
                statuses=self.statuses,
                environments=self.environments,
                trace_id=self.trace_id,
                session_id=self.session_id,
                attributes=self.attribute_filters(),
            )
        )


class AskedApiCalls(AskedOfPeriod):
    """The parameters of `apiCalls`."""

    subjects: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    environments: tuple[str, ...] = ()
    trace_id: str | None = None

    def conditions(self) -> Sequence[ColumnElement[bool]]:
        """What the rows are asked. Raises Invalid past 1,000 values a list."""
        return api_calls.conditions_of(
            api_calls.ApiCallFilter(
                subjects=self.subjects,
                routes=self.routes,
                methods=self.methods,
                statuses=self.statuses,
                environments=self.environments,
                trace_id=self.trace_id,
                attributes=self.attribute_filters(),
            )
        )


def single_calls(fact: type[F], parameters: type[AskedUsage | AskedApiCalls], *, as_events: bool = False) -> Prepare:
    """Prepares a file of single calls."""

    async def prepare(database: Database, principal: Principal, request: Request) -> Prepared:
        wanted = asked(request, parameters)
        period, conditions = wanted.period(), wanted.conditions()
        async with database.read() as session:
            await check_declared(
                session, project_id=principal.project_id, keys=wanted.attributes, field="filter.attributes"
            )
            snapshot = await take_snapshot(session, project_id=principal.project_id, now=dt.datetime.now(dt.UTC))
        pieces = export_facts(
            database,
            fact,
            project_id=principal.project_id,
            period=period,
            conditions=conditions,
            last_seq=snapshot.last_seq,
            as_events=as_events,
        )
        return Prepared(pieces, snapshot.as_of)

    return prepare
