"""Where the cost is going: the mean day, month and year, and how sure that is."""

import math
import statistics
from dataclasses import dataclass
from decimal import Decimal

from scipy.special import stdtrit

from models import ReadSession
from resolvers.metrics.figures import dollars, named_sums
from resolvers.metrics.periods import Period
from resolvers.metrics.scopes import Scope
from resolvers.metrics.series import buckets

MOST_DAYS = 28
ENOUGH_DAYS = 7
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


async def projection(session: ReadSession, scope: Scope) -> Projection:
    """Projects the cost of the last full local days (at most 28) of a usage scope."""
    edges = scope.period.full_days()[-(MOST_DAYS + 1) :]
    if not edges:
        return Projection(0, None, None, None, None, None, enough_data=False)
    days = scope.over(Period(edges[0], edges[-1], scope.period.zone))
    readings = await buckets(session, days, starts=edges[:-1])
    return project([dollars(named_sums(scope.block, reading)["cost_picousd"]) for reading in readings])


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
