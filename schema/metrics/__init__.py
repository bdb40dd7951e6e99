"""The root field `metrics`: every figure of a period, from one snapshot."""

import datetime as dt
from typing import Annotated

import strawberry

from resolvers.metrics.blocks import API, USAGE
from resolvers.metrics.filters import MetricsFilter
from resolvers.metrics.floors import notice_of, understood
from resolvers.metrics.scopes import Scope
from resolvers.metrics.snapshots import take_snapshot
from schema.attributes import AttributeFilterInput, attribute_filters, check_filters
from schema.context import Info
from schema.deployments import Marked
from schema.guards import READS
from schema.metrics.api import ApiMetrics
from schema.metrics.comparing import PeriodComparison
from schema.metrics.recommendations import RecommendationMetrics, recommendation_metrics
from schema.metrics.usage import UsageMetrics
from schema.periods import Period, PeriodArgument


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

    attributes: list[AttributeFilterInput] | None = strawberry.field(
        default=None, description="Attributes that the project declared: at most 5, each key once."
    )

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
            attributes=attribute_filters(self.attributes),
        )


@strawberry.type(description="Figures of a period, all from one snapshot that includes everything up to `asOf`.")
class Metrics(Marked):
    period: Period = strawberry.field(
        description="The period that was understood: rounded outward to quarter-hours where single calls are gone."
    )
    notice: str | None = strawberry.field(
        description="What to know of these figures: what retention has taken of their time. Null when it took nothing."
    )
    as_of: dt.datetime | None = strawberry.field(
        description="The time of the last commit that the figures include; null before the first."
    )
    usage: UsageMetrics = strawberry.field(description="The model calls.")
    api: ApiMetrics = strawberry.field(description="The served API calls.")

    @strawberry.field(description="This period beside any other one, with what is different.")
    def compare(self, period: PeriodArgument) -> PeriodComparison:
        other = understood(self.scope.snapshot, period.resolve())
        return PeriodComparison.of(self.usage.scope, self.api.scope, other)

    @strawberry.field(description="The recommendations issued; filters do not concern them.")
    async def recommendations(self, info: Info) -> RecommendationMetrics:
        return await recommendation_metrics(info, self.scope)


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
        await check_filters(info, restricted.attributes)
        async with info.context.reading() as session:
            snapshot = await take_snapshot(
                session, project_id=info.context.principal.project_id, now=dt.datetime.now(dt.UTC)
            )
        covered = understood(snapshot, resolved)
        usage = Scope(snapshot, USAGE, covered, restricted)
        return Metrics(
            scope=usage,
            period=Period.of(covered),
            notice=notice_of(snapshot, resolved),
            as_of=snapshot.as_of,
            usage=UsageMetrics(scope=usage),
            api=ApiMetrics(scope=Scope(snapshot, API, covered, restricted)),
        )
