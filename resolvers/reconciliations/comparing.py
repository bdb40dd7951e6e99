"""Ours and theirs, by day and model, and what may explain the difference: reasons rest on counts, not on guesses."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select

from integrations.billing import NO_MODEL, family
from models import ProviderAccount, ProviderCost, ReadSession
from models.base import PICODOLLARS
from models.rollups import DAY
from resolvers.metrics.blocks import USAGE
from resolvers.metrics.figures import named_sums
from resolvers.metrics.readings import Question, read
from resolvers.metrics.snapshots import Snapshot

A_DAY: Final = dt.timedelta(days=1)
SETTLING: Final = A_DAY * 2
"""How long after a day its bill may still change."""
A_CENT: Final = PICODOLLARS // 100
NEARLY: Final = 0.01
"""Amounts and counts that differ by less than this share agree."""

UNPRICED, ESTIMATED = "unpriced", "estimated"
MISSING_TRAFFIC, EXTRA_TRAFFIC, TOKENS = "missing_traffic", "extra_traffic", "tokens"
TIER, PRICE, OTHER_SERVICE = "tier", "price", "other_service"
NOT_FETCHED, NOT_FINAL = "not_fetched", "not_final"


@dataclass(frozen=True, slots=True)
class Side:
    """What one side says of a day and a model."""

    picousd: int = 0
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A day and a model. `theirs` is None for a day that was not fetched; the model is empty for other services."""

    day: dt.datetime
    model: str
    ours: Side
    theirs: Side | None
    reasons: list[str] = field(default_factory=list)

    @property
    def difference(self) -> int | None:
        """What we say more than they do; negative when they billed more."""
        return None if self.theirs is None else self.ours.picousd - self.theirs.picousd


@dataclass(frozen=True, slots=True)
class _Ours(Side):
    priced: int = 0
    estimated: int = 0


@dataclass(frozen=True, slots=True)
class _Theirs(Side):
    discounted: int = 0


Place = tuple[dt.datetime, str]


async def reconcile(
    session: ReadSession, snapshot: Snapshot, account: ProviderAccount, *, start: dt.datetime, end: dt.datetime
) -> list[Line]:
    """A line for each UTC day that [start, end) touches and each model that either side knows of: newest day first."""
    first = start.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    last = first
    while last < end:
        last += A_DAY
    theirs = await _theirs(session, account, first, last)
    ours = await _ours(session, snapshot, account.provider, first, last, {model for _, model in theirs})
    lines = [_line(place, ours.get(place), theirs.get(place), account) for place in {*ours, *theirs}]
    return sorted(lines, key=lambda line: (-line.day.timestamp(), line.model == NO_MODEL, line.model))


async def _theirs(
    session: ReadSession, account: ProviderAccount, first: dt.datetime, last: dt.datetime
) -> dict[Place, _Theirs]:
    costs = ProviderCost
    rows = await session.scalars(
        select(costs).where(
            costs.project_id == account.project_id,
            costs.provider == account.provider,
            costs.day >= first,
            costs.day < last,
        )
    )
    return {
        (row.day, row.model): _Theirs(
            row.billed_picousd, row.requests, row.input_tokens, row.output_tokens, row.discounted
        )
        for row in rows
    }


async def _ours(
    session: ReadSession, snapshot: Snapshot, provider: str, first: dt.datetime, last: dt.datetime, billed: set[str]
) -> dict[Place, _Ours]:
    """Calls that name the provider; of those that name none, the ones of models that it billed."""
    found: dict[Place, _Ours] = {}
    for name in (provider, None):
        question = Question(USAGE, (first, last), {"provider": (name,)}, by="model", every=DAY)
        for (time, key), reading in (await read(session, snapshot, question)).items():
            model = family(key or NO_MODEL)
            if time is None or (name is None and model not in billed):
                continue
            sums = named_sums(USAGE, reading)
            cached = sums["cache_read_tokens"] + sums["cache_write_tokens"]
            before = found.get((time, model), _Ours())
            found[time, model] = _Ours(
                before.picousd + sums["cost_picousd"],
                before.requests + sums["requests"],
                before.input_tokens + sums["uncached_tokens"] + cached,
                before.output_tokens + sums["visible_tokens"] + sums["reasoning_tokens"],
                before.priced + sums["priced"],
                before.estimated + sums["estimated"],
            )
    return found


def _line(place: Place, ours: _Ours | None, theirs: _Theirs | None, account: ProviderAccount) -> Line:
    day, model = place
    fetched = account.fetched_from is not None and account.fetched_until is not None
    known = fetched and account.fetched_from <= day < account.fetched_until  # type: ignore[operator]
    if not known:
        return Line(day, model, ours or _Ours(), None, [NOT_FETCHED])
    mine, other = ours or _Ours(), theirs or _Theirs()
    reasons = list(_reasons(mine, other, model))
    if reasons and account.fetched_at is not None and account.fetched_at < day + A_DAY + SETTLING:
        reasons.append(NOT_FINAL)
    return Line(day, model, mine, other, reasons)


def _reasons(ours: _Ours, theirs: _Theirs, model: str) -> Iterator[str]:
    """What may explain the difference, if there is one worth explaining."""
    if abs(ours.picousd - theirs.picousd) <= max(A_CENT, NEARLY * abs(theirs.picousd)):
        return
    explained = False
    evidence: Mapping[str, bool] = {
        UNPRICED: ours.priced < ours.requests,
        ESTIMATED: ours.estimated > 0,
        TIER: theirs.discounted > 0,
        OTHER_SERVICE: model == NO_MODEL or (not theirs.requests and theirs.picousd != 0),
        **(_traffic(ours, theirs) if theirs.requests or not theirs.picousd else {}),
    }
    for reason, holds in evidence.items():
        if holds:
            explained = True
            yield reason
    if not explained:
        yield PRICE


def _traffic(ours: _Ours, theirs: _Theirs) -> dict[str, bool]:
    missing, extra = _more(theirs.requests, ours.requests), _more(ours.requests, theirs.requests)
    tokens = [(ours.input_tokens, theirs.input_tokens), (ours.output_tokens, theirs.output_tokens)]
    differ = any(_more(one, other) or _more(other, one) for one, other in tokens)
    return {MISSING_TRAFFIC: missing, EXTRA_TRAFFIC: extra, TOKENS: differ and not missing and not extra}


def _more(one: int, other: int) -> bool:
    return one > other * (1 + NEARLY)


def sums_of(lines: Sequence[Line]) -> tuple[int, int]:
    """Ours and theirs in picodollars, over the days that were fetched."""
    both = [line for line in lines if line.theirs is not None]
    return sum(line.ours.picousd for line in both), sum(line.theirs.picousd for line in both if line.theirs)
