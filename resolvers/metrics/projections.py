"""Where the cost is going: the mean day, month and year, and how sure that is."""

import datetime as dt
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from scipy.special import stdtrit

from models import ReadSession
from models.base import MICROSECOND
from resolvers.metrics.figures import dollars, named_sums
from resolvers.metrics.periods import Period
from resolvers.metrics.scopes import Scope
from resolvers.metrics.series import buckets

MOST_DAYS = 28
ENOUGH_DAYS = 7
WEEKDAY_DAYS = 14
DAYS_A_MONTH = Decimal("30.4375")
DAYS_A_YEAR = Decimal("365.25")
CONFIDENCE = 0.8
PICODOLLAR = Decimal("0.000000000001")


@dataclass(frozen=True, slots=True)
class Projection:
    """From the mean of the last `basis_days` full local days; low and high bound the month with 80 % confidence.

    The amounts are None without a full day, the bounds under two.
    """

    basis_days: int
    daily_usd: Decimal | None
    monthly_usd: Decimal | None
    yearly_usd: Decimal | None
    monthly_low_usd: Decimal | None
    monthly_high_usd: Decimal | None
    enough_data: bool
    weekdays: tuple["Weekday", ...] = ()


@dataclass(frozen=True, slots=True)
class Weekday:
    """The mean cost of a weekday, 1 (Monday) to 7, over `days` of them."""

    weekday: int
    days: int
    mean_usd: Decimal


@dataclass(frozen=True, slots=True)
class Month:
    """A local calendar month: what its days cost up to the end of the basis, and what all of it will cost."""

    start: dt.datetime
    spent_usd: Decimal
    projected_usd: Decimal


def basis(scope: Scope) -> Period | None:
    """The last full local days (at most 28) of a scope's period, or None."""
    edges = scope.period.full_days()[-(MOST_DAYS + 1) :]
    return Period(edges[0], edges[-1], scope.period.zone) if edges else None


async def projection(session: ReadSession, scope: Scope) -> Projection:
    """Projects the cost of the last full local days (at most 28) of a usage scope."""
    days = basis(scope)
    if days is None:
        return Projection(0, None, None, None, None, None, enough_data=False)
    starts = days.starts("day")
    costs = await _costs(session, scope.over(days), starts)
    weekdays = weekday_means([start.astimezone(days.zone).isoweekday() for start in starts], costs)
    return replace(project(costs), weekdays=tuple(weekdays))


async def months(session: ReadSession, scope: Scope, found: Projection) -> list[Month]:
    """The local month in which the basis ends, and the next one.

    The days that are not over count as much as their weekday did on average, or as the mean day under two weeks.
    """
    days = basis(scope)
    if days is None or found.daily_usd is None:
        return []
    last = days.end - MICROSECOND
    this, after, end, *_ = Period(last, last + dt.timedelta(days=70), days.zone).starts("month")
    spent = (await _costs(session, scope.over(Period(this, days.end, days.zone)), [this]))[0]
    means = {each.weekday: each.mean_usd for each in found.weekdays}

    def rest(start: dt.datetime, until: dt.datetime) -> Decimal:
        local = [day.astimezone(days.zone).isoweekday() for day in Period(start, until, days.zone).starts("day")]
        return sum((means.get(weekday, found.daily_usd or Decimal(0)) for weekday in local), Decimal(0))

    left = rest(days.end, after) if days.end < after else Decimal(0)
    return [Month(this, spent, spent + left), Month(after, Decimal(0), rest(after, end))]


def weekday_means(weekdays: Sequence[int], costs: Sequence[Decimal]) -> list[Weekday]:
    """The mean cost of each weekday; none under 14 days, when each is there but once."""
    if len(costs) < WEEKDAY_DAYS:
        return []
    by_weekday: dict[int, list[Decimal]] = {}
    for weekday, cost in zip(weekdays, costs, strict=True):
        by_weekday.setdefault(weekday, []).append(cost)
    return [
        Weekday(weekday, len(some), (sum(some, Decimal(0)) / len(some)).quantize(PICODOLLAR))
        for weekday, some in sorted(by_weekday.items())
    ]


async def _costs(session: ReadSession, scope: Scope, starts: Sequence[dt.datetime]) -> list[Decimal]:
    readings = await buckets(session, scope, starts=starts)
    return [dollars(named_sums(scope.block, reading)["cost_picousd"]) for reading in readings]


def project(days: list[Decimal]) -> Projection:
    """The projection from the cost of each day, oldest first (at least one)."""
    mean = sum(days, Decimal(0)) / len(days)
    low = high = None
    if len(days) > 1:
        error = statistics.stdev(days) / Decimal(math.sqrt(len(days)))
        margin = Decimal(float(stdtrit(len(days) - 1, (1 + CONFIDENCE) / 2))) * error
        low, high = (mean - margin) * DAYS_A_MONTH, (mean + margin) * DAYS_A_MONTH
    return Projection(
        basis_days=len(days),
        daily_usd=_rounded(mean),
        monthly_usd=_rounded(mean * DAYS_A_MONTH),
        yearly_usd=_rounded(mean * DAYS_A_YEAR),
        monthly_low_usd=_rounded(low),
        monthly_high_usd=_rounded(high),
        enough_data=len(days) >= ENOUGH_DAYS,
    )


def _rounded(usd: Decimal | None) -> Decimal | None:
    return None if usd is None else usd.quantize(PICODOLLAR)
