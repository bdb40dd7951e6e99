"""Figures of bugs as clients see them: each is read when it is asked for, all from one snapshot."""

import datetime as dt
from typing import Annotated

import strawberry

from resolvers.bugs import stats
from resolvers.metrics.periods import MAX_POINTS
from resolvers.metrics.periods import Period as ResolvedPeriod
from schema.context import Info
from schema.periods import Interval, Period
from schema.scalars import BigInt
from schema.severities import Severity

MOST_CATEGORIES = 200


@strawberry.type(description="Open bugs of a severity.")
class OpenBySeverity:
    severity: Severity = strawberry.field(description="The severity.")
    count: BigInt = strawberry.field(description="How many are open.")


@strawberry.type(description="Open bugs of a category.")
class OpenByCategory:
    category: str | None = strawberry.field(description="The category; null for bugs without one.")
    count: BigInt = strawberry.field(description="How many are open.")


@strawberry.type(description="The bugs of a stretch of time.")
class BugTrendPoint:
    start: dt.datetime = strawberry.field(description="When it starts.")
    filed: BigInt = strawberry.field(description="How many were filed.")
    resolved: BigInt = strawberry.field(description="How many were resolved, and stayed so.")
    open: BigInt = strawberry.field(description="How many were open at its end.")


@strawberry.type(
    description="Figures of a period. Open is what is OPEN or IN_PROGRESS, at the period's end and as it was then; "
    "resolved is what became RESOLVED, or CLOSED at once, and stayed so."
)
class BugStats:
    project_id: strawberry.Private[int]
    resolved_period: strawberry.Private[ResolvedPeriod]
    period: Period = strawberry.field(description="The period that was understood.")
    open: BigInt = strawberry.field(description="How many are open.")
    critical_open: BigInt = strawberry.field(description="How many of these are CRITICAL.")
    open_by_severity: list[OpenBySeverity] = strawberry.field(
        description="The open ones by severity, the worst first: exactly one for each severity."
    )
    open_by_category: list[OpenByCategory] = strawberry.field(
        description=f"The open ones by category, the most first: at most {MOST_CATEGORIES}."
    )

    @strawberry.field(description="How many were filed.")
    async def filed(self, info: Info) -> BigInt:
        async with info.context.reading() as session:
            return await stats.count_filed(session, project_id=self.project_id, period=self.resolved_period)

    @strawberry.field(description="How many were resolved.")
    async def resolved(self, info: Info) -> BigInt:
        return (await self._resolutions(info)).count

    @strawberry.field(description="How many were resolved today, in the period's zone, whatever the period.")
    async def resolved_today(self, info: Info) -> BigInt:
        async with info.context.reading() as session:
            return await stats.count_resolved_today(
                session, project_id=self.project_id, period=self.resolved_period, now=dt.datetime.now(dt.UTC)
            )

    @strawberry.field(description="How long those resolved had taken since they were filed, on average; null: none.")
    async def mean_resolution_hours(self, info: Info) -> float | None:
        return (await self._resolutions(info)).mean_hours

    @strawberry.field(description="The same of the one in the middle.")
    async def median_resolution_hours(self, info: Info) -> float | None:
        return (await self._resolutions(info)).median_hours

    @strawberry.field(description=f"The period in pieces, empty ones too: at most {MAX_POINTS:,}.")
    async def trend(
        self,
        info: Info,
        interval: Annotated[Interval, strawberry.argument(description="How long a piece is.")],
    ) -> list[BugTrendPoint]:
        async with info.context.reading() as session:
            points = await stats.trend(
                session, project_id=self.project_id, period=self.resolved_period, interval=str(interval.value)
            )
        return [BugTrendPoint(start=p.start, filed=p.filed, resolved=p.resolved, open=p.open) for p in points]

    async def _resolutions(self, info: Info) -> stats.Resolutions:
        found = await info.context.loader(stats.resolutions_by_period).load((self.project_id, self.resolved_period))
        return found or stats.NO_RESOLUTIONS


async def read_stats(info: Info, period: ResolvedPeriod) -> BugStats:
    """The figures of a period, without those that cost extra."""
    project_id = info.context.principal.project_id
    async with info.context.reading() as session:
        found = await stats.open_at(session, project_id=project_id, time=period.end)
    return BugStats(
        project_id=project_id,
        resolved_period=period,
        period=Period.of(period),
        open=found.total,
        critical_open=found.by_severity["critical"],
        open_by_severity=[
            OpenBySeverity(severity=Severity(severity), count=count) for severity, count in found.by_severity.items()
        ],
        open_by_category=[
            OpenByCategory(category=category, count=count) for category, count in found.by_category[:MOST_CATEGORIES]
        ],
    )
