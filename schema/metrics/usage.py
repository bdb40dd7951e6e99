"""The `usage` block of metrics: what the model calls cost, how fast and how well they ran."""

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Self, cast

import strawberry

from resolvers.metrics import breakdowns
from resolvers.metrics import projections as projecting
from resolvers.metrics import series as over_time
from resolvers.metrics import totals as summing
from resolvers.metrics.figures import Figures, UsageFigures
from schema.attributes import AttributeArgument, dimension_of
from schema.context import Info
from schema.deployments import Marked
from schema.metrics.figures import Latency, TimeToFirstToken, Tokens, needs, position_at, position_cursor
from schema.metrics.labels import labels_of
from schema.metrics.projections import Projection
from schema.paging import After, Edge, First, PageInfo, page_size
from schema.periods import Interval
from schema.scalars import BigInt
from schema.selections import below, selected


@strawberry.enum(description="What usage can be split by.")
class UsageDimension(Enum):
    MODEL = strawberry.enum_value("model", description="The model.")
    PROVIDER = strawberry.enum_value("provider", description="The provider.")
    SUBJECT = strawberry.enum_value("subject", description="Whom the call was made for.")
    OPERATION = strawberry.enum_value("operation", description="The operation, such as `chat`.")
    STATUS = strawberry.enum_value("status", description="`ok`, `error` or `aborted`.")
    ENVIRONMENT = strawberry.enum_value("environment", description="The environment, such as `prod`.")
    ATTRIBUTE = strawberry.enum_value("attribute", description="An attribute that the project declared.")


@strawberry.enum(description="What a usage breakdown is ranked by, highest first.")
class UsageOrder(Enum):
    COST = strawberry.enum_value("cost", description="Cost in dollars; what has no price comes last.")
    REQUESTS = strawberry.enum_value("requests", description="Requests.")
    TOKENS = strawberry.enum_value("tokens", description="Input and output tokens.")


@strawberry.type(description="Sums and shares over model calls.")
class UsageTotals:
    requests: BigInt = strawberry.field(description="Calls of every status.")
    errors: BigInt = strawberry.field(description="Calls with status `error`; aborted is none.")
    error_rate: float | None = strawberry.field(description="Errors by requests; null without requests.")
    tokens: Tokens = strawberry.field(description="Tokens in and out.")
    cost_usd: Decimal | None = strawberry.field(
        description="Cost of the priced calls; null when there are calls and none has a price."
    )
    priced_share: float | None = strawberry.field(description="The share of calls that have a price.")
    unpriced_share: float | None = strawberry.field(
        description="The share of calls with tokens that had no price of their own: each says which in `costBasis`."
    )
    estimated_share: float | None = strawberry.field(description="The share of calls whose usage the sender estimated.")
    active_subjects: BigInt = strawberry.field(description="Distinct subjects, exact.")
    latency: Latency = strawberry.field(description="How long calls took.")
    time_to_first_token: TimeToFirstToken = strawberry.field(description="How long streamed calls took to begin.")

    @classmethod
    def of(cls, figures: Figures) -> Self:
        made = cast("UsageFigures", figures)
        first = made.time_to_first_token
        return cls(
            requests=made.requests,
            errors=made.errors,
            error_rate=made.error_rate,
            tokens=Tokens.of(made.tokens),
            cost_usd=made.cost_usd,
            priced_share=made.priced_share,
            unpriced_share=made.unpriced_share,
            estimated_share=made.estimated_share,
            active_subjects=made.active_subjects,
            latency=Latency.of(made.latency),
            time_to_first_token=TimeToFirstToken(p50_ms=first.p50_ms, p95_ms=first.p95_ms, p99_ms=first.p99_ms),
        )


@strawberry.type(description="The usage of one value of a dimension.")
class UsageGroup:
    key: str | None = strawberry.field(description="The value; null for calls without this dimension.")
    label: str | None = strawberry.field(description="Of a subject that has one: what people call it.")
    share: float | None = strawberry.field(description="Its part of the measure that the breakdown is ordered by.")
    totals: UsageTotals = strawberry.field(description="Its figures.")


@strawberry.type(description="What is neither on this page of a breakdown nor before it.")
class UsageRest:
    keys: BigInt = strawberry.field(description="How many values.")
    totals: UsageTotals = strawberry.field(description="Their figures together.")


@strawberry.type(description="One page of usage by a dimension.")
class UsageBreakdown:
    edges: list[Edge[UsageGroup]] = strawberry.field(description="The values of this page, highest first.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
    rest: UsageRest = strawberry.field(description="What is left behind this page.")


@strawberry.type(description="A bucket of a usage series.")
class UsagePoint:
    start: dt.datetime = strawberry.field(description="The start of the bucket as an instant.")
    totals: UsageTotals = strawberry.field(description="What lies inside the bucket and the period.")


@strawberry.type(description="An hour of the local week.")
class HeatmapCell:
    weekday: int = strawberry.field(description="1 (Monday) to 7.")
    hour: int = strawberry.field(description="0 to 23, local.")
    requests: BigInt = strawberry.field(description="Calls in this hour of the week.")
    cost_usd: Decimal | None = strawberry.field(description="Their cost; null when there are some and none is priced.")


@strawberry.type(description="How cost and latency move together.")
class Correlation:
    coefficient: float | None = strawberry.field(
        description="Pearson's coefficient, -1 to 1; null under 30 samples, or when one of the two never varies."
    )
    sample_count: BigInt = strawberry.field(description="Calls that have both a cost and a duration.")


@strawberry.type(description="Figures of the model calls.")
class UsageMetrics(Marked):
    @strawberry.field(description="The whole period.")
    async def totals(self, info: Info) -> UsageTotals:
        async with info.context.reading() as session:
            return UsageTotals.of(await summing.totals(session, self.scope, needs=needs(selected(info))))

    @strawberry.field(description="The period before: of equal length, or as many whole local days.")
    async def previous(self, info: Info) -> UsageTotals:
        before = self.scope.over(self.scope.period.previous())
        async with info.context.reading() as session:
            return UsageTotals.of(await summing.totals(session, before, needs=needs(selected(info))))

    @strawberry.field(description="By the values of a dimension, highest first.")
    async def breakdown(
        self,
        info: Info,
        by: Annotated[UsageDimension, strawberry.argument(description="What to split by.")],
        order_by: Annotated[UsageOrder, strawberry.argument(description="What to rank by.")],
        first: First,
        after: After = None,
        attribute: AttributeArgument = None,
    ) -> UsageBreakdown:
        dimension = await dimension_of(info, str(by.value), attribute)
        place = f"usage by {dimension} by {order_by.value}"
        fields = selected(info)
        async with info.context.reading() as session:
            found = await breakdowns.breakdown(
                session,
                self.scope,
                by=dimension,
                order=str(order_by.value),
                first=page_size(first),
                after=position_at(place, after),
                needs=needs(below(below(below(fields, "edges"), "node"), "totals")),
                rest_needs=needs(below(below(fields, "rest"), "totals")),
            )
        labels = await labels_of(info, dimension, [entry.key for entry in found.entries])
        edges = [
            Edge(
                cursor=position_cursor(place, entry.position),
                node=UsageGroup(
                    key=entry.key,
                    label=labels.get(entry.key),
                    share=entry.share,
                    totals=UsageTotals.of(entry.figures),
                ),
            )
            for entry in found.entries
        ]
        return UsageBreakdown(
            edges=edges,
            page_info=PageInfo.of(edges, has_next=found.has_next, after=after),
            rest=UsageRest(keys=found.rest_keys, totals=UsageTotals.of(found.rest)),
        )

    @strawberry.field(description="Over time: every bucket, empty ones too, at most 3,000.")
    async def series(
        self, info: Info, interval: Annotated[Interval, strawberry.argument(description="The length of a bucket.")]
    ) -> list[UsagePoint]:
        wanted = needs(below(selected(info), "totals"))
        async with info.context.reading() as session:
            points = await over_time.series(session, self.scope, interval=str(interval.value), needs=wanted)
        return [UsagePoint(start=point.start, totals=UsageTotals.of(point.figures)) for point in points]

    @strawberry.field(description="The local week by hour, from Monday 0:00 on: exactly 168 cells.")
    async def heatmap(self, info: Info) -> list[HeatmapCell]:
        async with info.context.reading() as session:
            cells = await over_time.heatmap(session, self.scope)
        return [
            HeatmapCell(weekday=cell.weekday, hour=cell.hour, requests=cell.requests, cost_usd=cell.cost_usd)
            for cell in cells
        ]

    @strawberry.field(description="Whether expensive calls are slow ones.")
    async def cost_latency_correlation(self, info: Info) -> Correlation:
        async with info.context.reading() as session:
            found = await summing.cost_latency_correlation(session, self.scope)
        return Correlation(coefficient=found.coefficient, sample_count=found.sample_count)

    @strawberry.field(description="The mean day, month and year, if it goes on like this.")
    async def projection(self, info: Info) -> Projection:
        async with info.context.reading() as session:
            found = await projecting.projection(session, self.scope)
        return Projection.of(self.scope, found)
