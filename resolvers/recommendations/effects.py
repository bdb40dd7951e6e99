"""What a recommendation did: figures of the time before and of the time after, and what they say together."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Self

from models import Recommendation
from models.base import PICODOLLARS
from resolvers.metrics.projections import DAYS_A_MONTH
from resolvers.recommendations.targets import Target

PENDING, MEASURED, INCONCLUSIVE = "pending", "measured", "inconclusive"
FEWEST_PRICED: Final = 0.9
DAY: Final = dt.timedelta(days=1)
PICODOLLAR: Final = Decimal(1).scaleb(-12)


class Basis(StrEnum):
    """What is compared: the cost of a request, of a trace, of failed calls for each request, or of a day."""

    REQUEST = "request"
    TRACE = "trace"
    FAILURE = "failure"
    DAY = "day"


BASES: Final = {"RETRY_STORM": Basis.TRACE, "ERROR_PRONE": Basis.FAILURE, "IDLE_SUBJECT": Basis.DAY}
"""What is compared for each kind; for all others, what a request costs.

Retries do not make a call dearer, they make more of them: what they were made for is the trace. Calls that fail cost as
much as those that do not: what is saved is what was paid for nothing. A subject that nobody needs is best not called
for at all: only there is less traffic a saving.
"""


def basis_of(kind: str, target: Target) -> Basis:
    """What is compared for a kind of advice. API calls have no cost to spread over anything."""
    return Basis.REQUEST if target.route is not None else BASES.get(kind, Basis.REQUEST)


@dataclass(frozen=True, slots=True)
class Figures:
    """The target's calls of one window. `priced` of them have a price; the cost is spread over so many `units`."""

    requests: int
    errors: int
    units: int
    priced: int | None
    cost_picousd: int
    timed: int
    duration_ms: float

    @property
    def unit_cost(self) -> Decimal | None:
        """Dollars of one unit; None without units or prices (API calls have none)."""
        if self.priced is None or not self.units or (self.requests and not self.priced):
            return None
        return Decimal(self.cost_picousd) / PICODOLLARS / self.units

    @property
    def unit_cost_usd(self) -> Decimal | None:
        """The same, to the picodollar."""
        return None if self.unit_cost is None else self.unit_cost.quantize(PICODOLLAR)

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.requests if self.requests else None

    @property
    def mean_ms(self) -> float | None:
        return self.duration_ms / self.timed if self.timed else None

    def to_json(self) -> dict[str, Any]:
        """What is stored; the cost as text, for it may outgrow JSON's integers."""
        stored = {name: getattr(self, name) for name in self.__slots__}
        return {**stored, "cost_picousd": str(self.cost_picousd)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The figures that `to_json` stored."""
        return cls(**{**stored, "cost_picousd": int(stored["cost_picousd"])})


@dataclass(frozen=True, slots=True)
class Effect:
    """`reason` says why it is inconclusive. Nothing but the state is known while it is pending."""

    state: str
    reason: str | None = None
    basis: Basis | None = None
    window: dt.timedelta | None = None
    before: Figures | None = None
    after: Figures | None = None
    monthly_saving_usd: Decimal | None = None
    measured_at: dt.datetime | None = None

    def store(self, row: Recommendation) -> None:
        """Writes it into its recommendation."""
        saving = self.monthly_saving_usd
        row.effect_state = self.state
        row.measured_monthly_saving_picousd = None if saving is None else int(saving * PICODOLLARS)
        row.effect = {
            "reason": self.reason,
            "basis": self.basis,
            "window_seconds": self.window and self.window.total_seconds(),
            "before": self.before and self.before.to_json(),
            "after": self.after and self.after.to_json(),
            "measured_at": self.measured_at and self.measured_at.isoformat(),
        }


def effect_of(row: Recommendation) -> Effect | None:
    """The effect that a recommendation has so far; None until it is implemented."""
    if row.effect_state is None:
        return None
    if row.effect is None:
        return Effect(row.effect_state)
    stored, saving = row.effect, row.measured_monthly_saving_picousd
    return Effect(
        state=row.effect_state,
        reason=stored["reason"],
        basis=Basis(stored["basis"]),
        window=dt.timedelta(seconds=stored["window_seconds"]),
        before=Figures.from_json(stored["before"]),
        after=Figures.from_json(stored["after"]),
        monthly_saving_usd=None if saving is None else Decimal(saving) / PICODOLLARS,
        measured_at=dt.datetime.fromisoformat(stored["measured_at"]),
    )


def compare(
    before: Figures, after: Figures, *, basis: Basis, window: dt.timedelta, fewest_requests: int, now: dt.datetime
) -> Effect:
    """What two equal windows say together."""
    reason = _gap(before, "before", fewest_requests) or (
        None if basis is Basis.DAY else _gap(after, "after", fewest_requests)
    )
    saving = None
    if reason is None and before.priced is not None:
        fall = (before.unit_cost or Decimal(0)) - (after.unit_cost or Decimal(0))
        saving = (fall * after.units / Decimal(window / DAY) * DAYS_A_MONTH).quantize(PICODOLLAR)
    return Effect(
        state=MEASURED if reason is None else INCONCLUSIVE,
        reason=reason,
        basis=basis,
        window=window,
        before=before,
        after=after,
        monthly_saving_usd=saving,
        measured_at=now,
    )


def _gap(figures: Figures, when: str, fewest_requests: int) -> str | None:
    """What a window lacks for a comparison, in a sentence; None when it lacks nothing."""
    if figures.requests < fewest_requests:
        calls = f"{figures.requests} call{'' if figures.requests == 1 else 's'}"
        return f"The target has {calls} in the time {when}: at least {fewest_requests} are needed to compare."
    if not figures.units:
        return f"None of the target's calls in the time {when} has a trace or ended well."
    if figures.priced is not None and figures.priced < FEWEST_PRICED * figures.requests:
        share = 100 * figures.priced // figures.requests
        return f"Only {share} % of the target's calls in the time {when} have a price: at least 90 % are needed."
    return None
