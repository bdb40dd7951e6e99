"""The root field `metrics`: every figure of a period, from one snapshot."""

import datetime as dt
from typing import Annotated

import strawberry

from resolvers.metrics.blocks import API, USAGE
from resolvers.metrics.filters import MetricsFilter
from resolvers.metrics.scopes import Scope
from resolvers.metrics.snapshots import take_snapshot
from resolvers.recommendations.rates import counts_by_kind
from schema.context import Info
from schema.guards import READS
from schema.metrics.api import ApiMetrics
from schema.metrics.usage import UsageMetrics
from schema.periods import Period, PeriodArgument
from schema.scalars import BigInt

MOST_KINDS = 200


@strawberry.input(
    name="MetricsFilter",
    description="Keeps what has one of the values of each list; an empty one keeps all. Blocks ignore what they lack.",
)
class MetricsFilterInput:
    subjects: list[str] | None = strawberry.field(default=None, description="Subjects, at most 1,000.")
    models: list[str] | None = strawberry.field(default=None, description="Models (usage only), at most 1,000.")
    providers: list[str] | None = strawberry.field(default=None, description="Providers (usage only), at most 1,000.")
    operations: list[str] | None = strawberry.field(default=None, description="Operations (usage only), at most 1,000.")
    routes: list[str] | None = strawberry.field(default=None, description="Route templates (API only), at most 1,000.")
    statuses: list[str] | None = strawberry.field(
        default=None, description="`ok`, `error`, `aborted` for usage; `200`, `404` for the API; at most 1,000."
    )
    environments: list[str] | None = strawberry.field(default=None, description="Environments, at most 1,000.")

    def resolve(self) -> MetricsFilter:
        """The filter meant. Raises Invalid for a list that is too long."""
        return MetricsFilter(
            subjects=tuple(self.subjects or ()),
            models=tuple(self.models or ()),
            providers=tuple(self.providers or ()),
            operations=tuple(self.operations or ()),
            routes=tuple(self.routes or ()),
            statuses=tuple(self.statuses or ()),
            environments=tuple(self.environments or ()),
        )


@strawberry.type(description="Recommendations of one kind, issued in the period.")
class RecommendationKindCounts:
    kind: str = strawberry.field(description="The kind.")
    total: BigInt = strawberry.field(description="Issued.")
    viewed: BigInt = strawberry.field(description="Of these, seen so far.")
    implemented: BigInt = strawberry.field(description="Of these, done so far.")


@strawberry.type(description="Recommendations issued in the period, and what became of them.")
class RecommendationMetrics:
    total: BigInt = strawberry.field(description="Issued.")
    viewed_rate: float | None = strawberry.field(description="The share that was seen; null without any.")
    implemented_rate: float | None = strawberry.field(description="The share that was done; null without any.")
    by_kind: list[RecommendationKindCounts] = strawberry.field(
        description=f"By kind, most first: at most {MOST_KINDS}."
    )


@strawberry.type(description="Figures of a period, all from one snapshot that includes everything up to `asOf`.")
class Metrics:
    scope: strawberry.Private[Scope]
    period: Period = strawberry.field(description="The period that was understood.")
    as_of: dt.datetime | None = strawberry.field(
        description="The time of the last commit that the figures include; null before the first."
    )
    usage: UsageMetrics = strawberry.field(description="The model calls.")
    api: ApiMetrics = strawberry.field(description="The served API calls.")

    @strawberry.field(description="The recommendations issued; filters do not concern them.")
    async def recommendations(self, info: Info) -> RecommendationMetrics:
        period = self.scope.period
        async with info.context.reading() as session:
            kinds = await counts_by_kind(
                session, project_id=info.context.principal.project_id, start=period.start, end=period.end
            )
        total = sum(kind.total for kind in kinds)
        return RecommendationMetrics(
            total=total,
            viewed_rate=sum(kind.viewed for kind in kinds) / total if total else None,
            implemented_rate=sum(kind.implemented for kind in kinds) / total if total else None,
            by_kind=[
                RecommendationKindCounts(
                    kind=kind.kind, total=kind.total, viewed=kind.viewed, implemented=kind.implemented
                )
                for kind in kinds[:MOST_KINDS]
            ],
        )


@strawberry.type
class MetricsQuery:
    @strawberry.field(description="Figures of a period: cost, speed, quality, activity.", extensions=[READS])
    async def metrics(
        self,
        info: Info,
        period: PeriodArgument,
        filter: Annotated[  # noqa: A002
            MetricsFilterInput | None, strawberry.argument(description="What to restrict the figures to.")
        ] = None,
    ) -> Metrics:
        resolved = period.resolve()
        restricted = filter.resolve() if filter else MetricsFilter()
        async with info.context.reading() as session:
            snapshot = await take_snapshot(
                session, project_id=info.context.principal.project_id, now=dt.datetime.now(dt.UTC)
            )
        usage = Scope(snapshot, USAGE, resolved, restricted)
        return Metrics(
            scope=usage,
            period=Period.of(resolved),
            as_of=snapshot.as_of,
            usage=UsageMetrics(scope=usage),
            api=ApiMetrics(scope=Scope(snapshot, API, resolved, restricted)),
        )
