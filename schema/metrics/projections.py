"""Where the cost is going, and what drives it there."""

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Self

import strawberry

from resolvers.metrics import drivers as driving
from resolvers.metrics import projections as projecting
from resolvers.metrics.figures import share
from resolvers.metrics.scopes import Scope
from schema.context import Info


@strawberry.enum(description="What a driver of cost is.")
class DriverDimension(Enum):
    MODEL = strawberry.enum_value("model", description="A model.")
    SUBJECT = strawberry.enum_value("subject", description="A subject.")
    OPERATION = strawberry.enum_value("operation", description="An operation.")


@strawberry.enum(description="The largest part of a driver's own change.")
class DriverEffect(Enum):
    VOLUME = strawberry.enum_value("volume", description="More or fewer requests.")
    SIZE = strawberry.enum_value("size", description="More or fewer tokens a request.")
    PRICE = strawberry.enum_value("price", description="Another price of a token.")
    NEW = strawberry.enum_value("new", description="It had no requests before.")
    GONE = strawberry.enum_value("gone", description="It has no requests any more.")


@strawberry.type(description="A value of a dimension that changed the cost.")
class CostDriver:
    dimension: DriverDimension = strawberry.field(description="What it is.")
    key: str | None = strawberry.field(description="Which; null for calls without this dimension.")
    before_usd: Decimal = strawberry.field(description="Its cost on the days before.")
    now_usd: Decimal = strawberry.field(description="Its cost on the days of the basis.")
    change_usd: Decimal = strawberry.field(description="The difference.")
    share: float | None = strawberry.field(
        description="That by the whole change; more than 1 where others moved the other way. Null when it is 0."
    )
    effect: DriverEffect = strawberry.field(description="The largest part of its change.")


@strawberry.type(
    description="How the cost of the basis differs from that of as many days before it: the sum of four effects."
)
class CostChange:
    before_usd: Decimal = strawberry.field(description="The cost of the days before.")
    now_usd: Decimal = strawberry.field(description="The cost of the basis.")
    change_usd: Decimal = strawberry.field(description="The difference.")
    volume_usd: Decimal = strawberry.field(description="Of more or fewer requests, at the mean cost before.")
    mix_usd: Decimal = strawberry.field(description="Of other models' shares of the requests.")
    size_usd: Decimal = strawberry.field(description="Of longer or shorter prompts and answers.")
    price_usd: Decimal = strawberry.field(description="Of other prices of a token.")
    driver: CostDriver | None = strawberry.field(
        description="What changed the cost most in the direction of the whole: the first of `drivers`."
    )
    drivers: list[CostDriver] = strawberry.field(
        description="At most 5 such, of all dimensions that have two values or more: the largest change first."
    )

    @classmethod
    def of(cls, change: driving.Change) -> Self:
        whole = change.now - change.before
        drivers = [
            CostDriver(
                dimension=DriverDimension(one.dimension),
                key=one.key,
                before_usd=driving.usd(one.before),
                now_usd=driving.usd(one.now),
                change_usd=driving.usd(one.change),
                share=share(one.change, whole),
                effect=DriverEffect(one.effect),
            )
            for one in change.drivers
        ]
        return cls(
            before_usd=driving.usd(change.before),
            now_usd=driving.usd(change.now),
            change_usd=driving.usd(whole),
            volume_usd=driving.usd(change.effects[driving.VOLUME]),
            mix_usd=driving.usd(change.effects[driving.MIX]),
            size_usd=driving.usd(change.effects[driving.SIZE]),
            price_usd=driving.usd(change.effects[driving.PRICE]),
            driver=drivers[0] if drivers else None,
            drivers=drivers,
        )


@strawberry.type(description="The cost of a weekday.")
class WeekdayCost:
    weekday: int = strawberry.field(description="1 (Monday) to 7.")
    days: int = strawberry.field(description="How many such days the mean rests on.")
    mean_usd: Decimal = strawberry.field(description="The mean cost of such a day.")


@strawberry.type(description="A local calendar month.")
class ProjectedMonth:
    start: dt.datetime = strawberry.field(description="Its first instant.")
    spent_usd: Decimal = strawberry.field(description="What its days up to the end of the basis cost.")
    projected_usd: Decimal = strawberry.field(
        description="That, and for each of its other days the mean of its weekday; of the mean day under 14 days."
    )


@strawberry.type(description="Where the cost is going, from the mean of the period's last full local days.")
class Projection:
    scope: strawberry.Private[Scope]
    found: strawberry.Private[projecting.Projection]
    basis_days: int = strawberry.field(description="How many full days it rests on, at most 28.")
    daily_usd: Decimal | None = strawberry.field(description="The mean day; null without a full day.")
    monthly_usd: Decimal | None = strawberry.field(description="30.4375 mean days.")
    yearly_usd: Decimal | None = strawberry.field(description="365.25 mean days.")
    monthly_low_usd: Decimal | None = strawberry.field(
        description="The lower end of the month's 80 % interval; null under two days."
    )
    monthly_high_usd: Decimal | None = strawberry.field(
        description="The upper end of the month's 80 % interval; null under two days."
    )
    enough_data: bool = strawberry.field(description="Whether it rests on at least 7 days.")
    weekdays: list[WeekdayCost] = strawberry.field(
        description="By weekday, Monday first, at most 7; none under 14 days."
    )

    @strawberry.field(
        description="At most 2: the calendar month in which the basis ends, and the next; none without a day."
    )
    async def months(self, info: Info) -> list[ProjectedMonth]:
        async with info.context.reading() as session:
            months = await projecting.months(session, self.scope, self.found)
        return [
            ProjectedMonth(start=month.start, spent_usd=month.spent_usd, projected_usd=month.projected_usd)
            for month in months
        ]

    @strawberry.field(description="What drives the cost; null without a full day.")
    async def change(self, info: Info) -> CostChange | None:
        days = projecting.basis(self.scope)
        if days is None:
            return None
        async with info.context.reading() as session:
            return CostChange.of(await driving.cost_change(session, self.scope, days))

    @classmethod
    def of(cls, scope: Scope, found: projecting.Projection) -> Self:
        return cls(
            scope=scope,
            found=found,
            basis_days=found.basis_days,
            daily_usd=found.daily_usd,
            monthly_usd=found.monthly_usd,
            yearly_usd=found.yearly_usd,
            monthly_low_usd=found.monthly_low_usd,
            monthly_high_usd=found.monthly_high_usd,
            enough_data=found.enough_data,
            weekdays=[WeekdayCost(weekday=one.weekday, days=one.days, mean_usd=one.mean_usd) for one in found.weekdays],
        )
