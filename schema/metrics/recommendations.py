"""The recommendations of a period: how much of what was advised was seen and done, and what it saved."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Final, Self

import strawberry

from resolvers.metrics.scopes import Scope
from resolvers.recommendations.rates import (
    Counts,
    counts_by_kind,
    counts_by_subject,
    counts_over_time,
    total_counts,
)
from schema.context import Info
from schema.paging import First, page_size
from schema.periods import Interval
from schema.scalars import BigInt

MOST_KINDS: Final = 200


@strawberry.type(description="Recommendations issued, and what became of them so far.")
class RecommendationCounts:
    """Base of everything that counts recommendations."""

    total: BigInt = strawberry.field(description="Issued.")
    viewed: BigInt = strawberry.field(description="Of these, seen so far. What was done was seen.")
    implemented: BigInt = strawberry.field(description="Of these, done so far.")
    dismissed: BigInt = strawberry.field(description="Of these, dismissed so far.")
    expired: BigInt = strawberry.field(description="Of these, expired so far.")
    measured: BigInt = strawberry.field(description="Of these, those whose saving was measured.")
    viewed_rate: float | None = strawberry.field(description="The share that was seen; null without any.")
    implemented_rate: float | None = strawberry.field(description="The share that was done; null without any.")
    measured_monthly_saving_usd: Decimal = strawberry.field(
        description="The total saved: the sum of the measured savings, a month. What costs more counts against it."
    )

    @classmethod
    def of(cls, counts: Counts, **more: Any) -> Self:
        return cls(
            total=counts.total,
            viewed=counts.viewed,
            implemented=counts.implemented,
            dismissed=counts.dismissed,
            expired=counts.expired,
            measured=counts.measured,
            viewed_rate=counts.viewed_rate,
            implemented_rate=counts.implemented_rate,
            measured_monthly_saving_usd=counts.measured_monthly_saving_usd,
            **more,
        )


@strawberry.type(description="Recommendations of one kind, issued in the period.")
class RecommendationKindCounts(RecommendationCounts):
    kind: str = strawberry.field(description="The kind.")


@strawberry.type(description="Recommendations for one subject, issued in the period.")
class RecommendationSubjectCounts(RecommendationCounts):
    subject: str | None = strawberry.field(description="The subject; null: for none.")


@strawberry.type(description="Recommendations issued in one bucket of the period.")
class RecommendationPoint(RecommendationCounts):
    start: dt.datetime = strawberry.field(description="The start of the bucket, as an instant.")


@strawberry.type(description="Recommendations issued in the period, and what became of them.")
class RecommendationMetrics(RecommendationCounts):
    scope: strawberry.Private[Scope]

    @strawberry.field(description=f"By kind, most first: at most {MOST_KINDS}.")
    async def by_kind(self, info: Info) -> list[RecommendationKindCounts]:
        async with info.context.reading() as session:
            found = await counts_by_kind(session, **_asked(self.scope), limit=MOST_KINDS)
        return [RecommendationKindCounts.of(kind.counts, kind=kind.key or "") for kind in found]

    @strawberry.field(description="By subject, most first.")
    async def by_subject(self, info: Info, first: First) -> list[RecommendationSubjectCounts]:
        limit = page_size(first)
        async with info.context.reading() as session:
            found = await counts_by_subject(session, **_asked(self.scope), limit=limit)
        return [RecommendationSubjectCounts.of(subject.counts, subject=subject.key) for subject in found]

    @strawberry.field(description="Over time, by when they were issued: every bucket of the period, at most 3,000.")
    async def series(
        self,
        info: Info,
        interval: Annotated[Interval, strawberry.argument(description="The length of a bucket.")],
    ) -> list[RecommendationPoint]:
        async with info.context.reading() as session:
            found = await counts_over_time(session, **_asked(self.scope), interval=str(interval.value))
        return [RecommendationPoint.of(point.counts, start=point.start) for point in found]


async def recommendation_metrics(info: Info, scope: Scope) -> RecommendationMetrics:
    """The recommendations issued in a scope's period; its filter does not concern them."""
    async with info.context.reading() as session:
        counts = await total_counts(session, **_asked(scope))
    return RecommendationMetrics.of(counts, scope=scope)


def _asked(scope: Scope) -> dict[str, Any]:
    return {"project_id": scope.snapshot.project_id, "period": scope.period}
