"""Two periods beside each other: `metrics { compare(period) }`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Self, cast

import strawberry
from strawberry.types.nodes import SelectedField

from resolvers.metrics import comparisons
from resolvers.metrics import totals as summing
from resolvers.metrics.figures import ApiFigures, Figures, UsageFigures, share
from resolvers.metrics.periods import Period as ResolvedPeriod
from resolvers.metrics.scopes import Scope
from schema.attributes import AttributeArgument, dimension_of
from schema.context import Info
from schema.metrics.api import ApiDimension, ApiOrder, ApiTotals
from schema.metrics.figures import needs
from schema.metrics.usage import UsageDimension, UsageOrder, UsageTotals
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.periods import Period
from schema.scalars import BigInt, saturated
from schema.selections import below, selected


@strawberry.type(description="Usage of this period without that of the other; null where either has none.")
class UsageChange:
    requests: BigInt = strawberry.field(description="Calls.")
    requests_share: float | None = strawberry.field(description="As a share of those before; null without any before.")
    errors: BigInt = strawberry.field(description="Failed calls.")
    error_rate: float | None = strawberry.field(description="The error rate.")
    tokens: BigInt = strawberry.field(description="Tokens, in and out.")
    cost_usd: Decimal | None = strawberry.field(description="The cost.")
    cost_share: float | None = strawberry.field(description="As a share of that before; null without any before.")
    active_subjects: BigInt = strawberry.field(description="Distinct subjects.")
    mean_ms: float | None = strawberry.field(description="The mean duration.")
    p95_ms: float | None = strawberry.field(description="Its 95th percentile.")

    @classmethod
    def of(cls, now: Figures, other: Figures) -> Self:
        one, two = cast("UsageFigures", now), cast("UsageFigures", other)
        cost = None if one.cost_usd is None or two.cost_usd is None else one.cost_usd - two.cost_usd
        return cls(
            requests=one.requests - two.requests,
            requests_share=share(one.requests - two.requests, two.requests),
            errors=one.errors - two.errors,
            error_rate=_less(one.error_rate, two.error_rate),
            tokens=one.tokens.total - two.tokens.total,
            cost_usd=cost,
            cost_share=None if cost is None else share(cost, two.cost_usd or Decimal(0)),
            active_subjects=one.active_subjects - two.active_subjects,
            mean_ms=_less(one.latency.mean_ms, two.latency.mean_ms),
            p95_ms=_less(one.latency.p95_ms, two.latency.p95_ms),
        )


@strawberry.type(description="API calls of this period without those of the other; null where either has none.")
class ApiChange:
    requests: BigInt = strawberry.field(description="Calls.")
    requests_share: float | None = strawberry.field(description="As a share of those before; null without any before.")
    errors: BigInt = strawberry.field(description="Failed calls.")
    error_rate: float | None = strawberry.field(description="The error rate.")
    response_bytes: BigInt = strawberry.field(description="Bytes sent in bodies.")
    cache_hit_rate: float | None = strawberry.field(description="The cache hit rate.")
    active_subjects: BigInt = strawberry.field(description="Distinct subjects.")
    mean_ms: float | None = strawberry.field(description="The mean duration.")
    p95_ms: float | None = strawberry.field(description="Its 95th percentile.")

    @classmethod
    def of(cls, now: Figures, other: Figures) -> Self:
        one, two = cast("ApiFigures", now), cast("ApiFigures", other)
        return cls(
            requests=one.requests - two.requests,
            requests_share=share(one.requests - two.requests, two.requests),
            errors=one.errors - two.errors,
            error_rate=_less(one.error_rate, two.error_rate),
            response_bytes=saturated(one.response_bytes - two.response_bytes),
            cache_hit_rate=_less(one.cache_hit_rate, two.cache_hit_rate),
            active_subjects=one.active_subjects - two.active_subjects,
            mean_ms=_less(one.latency.mean_ms, two.latency.mean_ms),
            p95_ms=_less(one.latency.p95_ms, two.latency.p95_ms),
        )


@strawberry.type(description="Usage of one value of a dimension, or of all, in both periods.")
class ComparedUsage:
    key: str | None = strawberry.field(description="The value; null for calls without this dimension.")
    now: UsageTotals = strawberry.field(description="Its figures in this period.")
    other: UsageTotals = strawberry.field(description="Its figures in the other one.")
    change: UsageChange = strawberry.field(description="The difference: this period without the other one.")

    @classmethod
    def of(cls, key: str | None, now: Figures, other: Figures) -> Self:
        return cls(key=key, now=UsageTotals.of(now), other=UsageTotals.of(other), change=UsageChange.of(now, other))


@strawberry.type(description="API calls of one value of a dimension, or of all, in both periods.")
class ComparedApi:
    key: str | None = strawberry.field(description="The value; null for calls without this dimension.")
    now: ApiTotals = strawberry.field(description="Its figures in this period.")
    other: ApiTotals = strawberry.field(description="Its figures in the other one.")
    change: ApiChange = strawberry.field(description="The difference: this period without the other one.")

    @classmethod
    def of(cls, key: str | None, now: Figures, other: Figures) -> Self:
        return cls(key=key, now=ApiTotals.of(now), other=ApiTotals.of(other), change=ApiChange.of(now, other))


@strawberry.type(description="Usage of two periods beside each other, from one snapshot.")
class UsageComparison:
    scope: strawberry.Private[Scope]
    against: strawberry.Private[Scope]

    @strawberry.field(description="Both periods as a whole, and their difference. `key` is null.")
    async def totals(self, info: Info) -> ComparedUsage:
        now, other = await _totals(info, self.scope, self.against)
        return ComparedUsage.of(None, now, other)

    @strawberry.field(description="By the values of a dimension: the largest change of the measure first.")
    async def breakdown(
        self,
        info: Info,
        by: Annotated[UsageDimension, strawberry.argument(description="What to split by.")],
        order_by: Annotated[UsageOrder, strawberry.argument(description="Whose change to rank by.")],
        first: First,
        after: After = None,
        attribute: AttributeArgument = None,
    ) -> Connection[ComparedUsage]:
        by_name = await dimension_of(info, str(by.value), attribute)
        place = f"usage compared by {by_name} by {order_by.value}"
        found = await _pairs(info, self.scope, self.against, by_name, str(order_by.value), first, place, after)
        return Connection.of(
            found,
            first=first,
            after=after,
            node=lambda pair: ComparedUsage.of(pair.key, pair.now, pair.other),
            cursor=lambda pair: encode_cursor(place, pair.position),
        )


@strawberry.type(description="API calls of two periods beside each other, from one snapshot.")
class ApiComparison:
    scope: strawberry.Private[Scope]
    against: strawberry.Private[Scope]

    @strawberry.field(description="Both periods as a whole, and their difference. `key` is null.")
    async def totals(self, info: Info) -> ComparedApi:
        now, other = await _totals(info, self.scope, self.against)
        return ComparedApi.of(None, now, other)

    @strawberry.field(description="By the values of a dimension: the largest change of the measure first.")
    async def breakdown(
        self,
        info: Info,
        by: Annotated[ApiDimension, strawberry.argument(description="What to split by.")],
        order_by: Annotated[ApiOrder, strawberry.argument(description="Whose change to rank by.")],
        first: First,
        after: After = None,
        attribute: AttributeArgument = None,
    ) -> Connection[ComparedApi]:
        by_name = await dimension_of(info, str(by.value), attribute)
        place = f"api compared by {by_name} by {order_by.value}"
        found = await _pairs(info, self.scope, self.against, by_name, str(order_by.value), first, place, after)
        return Connection.of(
            found,
            first=first,
            after=after,
            node=lambda pair: ComparedApi.of(pair.key, pair.now, pair.other),
            cursor=lambda pair: encode_cursor(place, pair.position),
        )


@strawberry.type(description="This period beside another one. Both are read from one snapshot.")
class PeriodComparison:
    period: Period = strawberry.field(description="The other period.")
    usage: UsageComparison = strawberry.field(description="The model calls.")
    api: ApiComparison = strawberry.field(description="The served API calls.")

    @classmethod
    def of(cls, usage: Scope, api: Scope, other: ResolvedPeriod) -> Self:
        """Blocks of figures beside the same of another period."""
        return cls(
            period=Period.of(other),
            usage=UsageComparison(scope=usage, against=usage.over(other)),
            api=ApiComparison(scope=api, against=api.over(other)),
        )


async def _totals(info: Info, scope: Scope, against: Scope) -> tuple[Figures, Figures]:
    wanted = _needs(selected(info))
    async with info.context.reading() as session:
        now = await summing.totals(session, scope, needs=wanted)
        return now, await summing.totals(session, against, needs=wanted)


async def _pairs(
    info: Info, scope: Scope, against: Scope, by: str, order: str, first: int, place: str, after: str | None
) -> Sequence[comparisons.Pair]:
    """One pair more than the page has, where more follow."""
    begin = None if after is None else decode_cursor(place, after, tuple[Decimal, str | None])
    wanted = _needs(below(below(selected(info), "edges"), "node"))
    async with info.context.reading() as session:
        found = await comparisons.compare(
            session, scope, against, by=by, order=order, first=page_size(first) + 1, after=begin, needs=wanted
        )
    return found.pairs


def _needs(fields: Sequence[SelectedField]) -> frozenset[str]:
    changes = {field.name for field in below(fields, "change")}
    wanted = needs(below(fields, "now", "other"))
    wanted |= frozenset({"latency"} if "p95Ms" in changes else ())
    return wanted | frozenset({"subjects"} if "activeSubjects" in changes else ())


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
