"""The `api` block of metrics: the requests that the monitored product served."""

import datetime as dt
from enum import Enum
from typing import Annotated, Self, cast

import strawberry

from resolvers.metrics import breakdowns
from resolvers.metrics import series as over_time
from resolvers.metrics import totals as summing
from resolvers.metrics.figures import ApiFigures, Figures
from schema.attributes import AttributeArgument, dimension_of
from schema.context import Info
from schema.deployments import Marked
from schema.metrics.figures import Latency, Rating, needs, position_at, position_cursor
from schema.metrics.labels import labels_of
from schema.paging import After, Edge, First, PageInfo, page_size
from schema.periods import Interval
from schema.scalars import BigInt, saturated
from schema.selections import below, selected


@strawberry.enum(description="What API calls can be split by.")
class ApiDimension(Enum):
    ROUTE = strawberry.enum_value(
        "route", description="The route template; `(other)` beyond 2,000 distinct ones in a UTC day."
    )
    METHOD = strawberry.enum_value("method", description="The HTTP method.")
    STATUS = strawberry.enum_value("status", description="The HTTP status.")
    SUBJECT = strawberry.enum_value("subject", description="Whom the call was made for.")
    ENVIRONMENT = strawberry.enum_value("environment", description="The environment, such as `prod`.")
    ATTRIBUTE = strawberry.enum_value("attribute", description="An attribute that the project declared.")


@strawberry.enum(description="What an API breakdown is ranked by, highest first.")
class ApiOrder(Enum):
    REQUESTS = strawberry.enum_value("requests", description="Requests.")
    ERRORS = strawberry.enum_value("errors", description="Requests with status 500 and above.")
    P95 = strawberry.enum_value("p95", description="The 95th percentile of the duration; what has none comes last.")


@strawberry.type(description="Sums and shares over API calls.")
class ApiTotals:
    requests: BigInt = strawberry.field(description="Calls of every status.")
    errors: BigInt = strawberry.field(description="Calls with status 500 and above.")
    error_rate: float | None = strawberry.field(description="Errors by requests; null without requests.")
    request_bytes: BigInt = strawberry.field(description="Bytes received in bodies.")
    response_bytes: BigInt = strawberry.field(description="Bytes sent in bodies.")
    cache_hit_rate: float | None = strawberry.field(description="Hits by hits and misses; null without either.")
    active_subjects: BigInt = strawberry.field(description="Distinct subjects, exact.")
    latency: Latency = strawberry.field(description="How long calls took.")

    @classmethod
    def of(cls, figures: Figures) -> Self:
        made = cast("ApiFigures", figures)
        return cls(
            requests=made.requests,
            errors=made.errors,
            error_rate=made.error_rate,
            request_bytes=saturated(made.request_bytes),
            response_bytes=saturated(made.response_bytes),
            cache_hit_rate=made.cache_hit_rate,
            active_subjects=made.active_subjects,
            latency=Latency.of(made.latency),
        )


@strawberry.type(description="The API calls of one value of a dimension.")
class ApiGroup:
    key: str | None = strawberry.field(description="The value; null for calls without this dimension.")
    label: str | None = strawberry.field(description="Of a subject that has one: what people call it.")
    share: float | None = strawberry.field(
        description="Its part of the measure that the breakdown is ordered by; null when ordered by P95."
    )
    rating: Rating | None = strawberry.field(description="How well it does; null without requests.")
    totals: ApiTotals = strawberry.field(description="Its figures.")


@strawberry.type(description="What is neither on this page of a breakdown nor before it.")
class ApiRest:
    keys: BigInt = strawberry.field(description="How many values.")
    totals: ApiTotals = strawberry.field(description="Their figures together.")


@strawberry.type(description="One page of API calls by a dimension.")
class ApiBreakdown:
    edges: list[Edge[ApiGroup]] = strawberry.field(description="The values of this page, highest first.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
    rest: ApiRest = strawberry.field(description="What is left behind this page.")


@strawberry.type(description="A bucket of an API series.")
class ApiPoint:
    start: dt.datetime = strawberry.field(description="The start of the bucket as an instant.")
    totals: ApiTotals = strawberry.field(description="What lies inside the bucket and the period.")


@strawberry.type(description="Figures of the served API calls.")
class ApiMetrics(Marked):
    @strawberry.field(description="The whole period.")
    async def totals(self, info: Info) -> ApiTotals:
        async with info.context.reading() as session:
            return ApiTotals.of(await summing.totals(session, self.scope, needs=needs(selected(info))))

    @strawberry.field(description="The period before: of equal length, or as many whole local days.")
    async def previous(self, info: Info) -> ApiTotals:
        before = self.scope.over(self.scope.period.previous())
        async with info.context.reading() as session:
            return ApiTotals.of(await summing.totals(session, before, needs=needs(selected(info))))

    @strawberry.field(description="By the values of a dimension, highest first.")
    async def breakdown(
        self,
        info: Info,
        by: Annotated[ApiDimension, strawberry.argument(description="What to split by.")],
        order_by: Annotated[ApiOrder, strawberry.argument(description="What to rank by.")],
        first: First,
        after: After = None,
        attribute: AttributeArgument = None,
    ) -> ApiBreakdown:
        dimension = await dimension_of(info, str(by.value), attribute)
        place = f"api by {dimension} by {order_by.value}"
        fields = selected(info)
        nodes = below(below(fields, "edges"), "node")
        rated = frozenset({"latency"} if any(field.name == "rating" for field in nodes) else ())
        async with info.context.reading() as session:
            found = await breakdowns.breakdown(
                session,
                self.scope,
                by=dimension,
                order=str(order_by.value),
                first=page_size(first),
                after=position_at(place, after),
                needs=needs(below(nodes, "totals")) | rated,
                rest_needs=needs(below(below(fields, "rest"), "totals")),
            )
        labels = await labels_of(info, dimension, [entry.key for entry in found.entries])
        edges = [
            Edge(
                cursor=position_cursor(place, entry.position),
                node=ApiGroup(
                    key=entry.key,
                    label=labels.get(entry.key),
                    share=entry.share,
                    rating=_rating(entry.figures),
                    totals=ApiTotals.of(entry.figures),
                ),
            )
            for entry in found.entries
        ]
        return ApiBreakdown(
            edges=edges,
            page_info=PageInfo.of(edges, has_next=found.has_next, after=after),
            rest=ApiRest(keys=found.rest_keys, totals=ApiTotals.of(found.rest)),
        )

    @strawberry.field(description="Over time: every bucket, empty ones too, at most 3,000.")
    async def series(
        self, info: Info, interval: Annotated[Interval, strawberry.argument(description="The length of a bucket.")]
    ) -> list[ApiPoint]:
        wanted = needs(below(selected(info), "totals"))
        async with info.context.reading() as session:
            points = await over_time.series(session, self.scope, interval=str(interval.value), needs=wanted)
        return [ApiPoint(start=point.start, totals=ApiTotals.of(point.figures)) for point in points]


def _rating(figures: Figures) -> Rating | None:
    rating = breakdowns.rating(figures)
    return None if rating is None else Rating(rating)
