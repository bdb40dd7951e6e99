"""What is measured of recommendations that were implemented, beside what was planted."""

import datetime as dt
import random
from decimal import Decimal

import pytest
from sqlalchemy import update

from models import Counter, Database, Project
from realtime.facts import Fact
from resolvers.recommendations.measuring import GONE
from resolvers.recommendations.targets import Target
from tests.resolvers.recommendations.ledger import implemented, store, swept
from tests.resolvers.recommendations.wastes import DAY, WASTES, WEEK, Waste, Week, noise, slow_route, two_weeks
from tests.resolvers.rollups.facts import catch_up


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("waste", WASTES, ids=lambda waste: waste.kind)
async def test_a_planted_saving_is_measured(
    database: Database, project: Project, middle: dt.datetime, waste: Waste, folded: bool
) -> None:
    await store(database, two_weeks(project.id, middle, waste.calls, noise))
    if folded:
        await catch_up(database, project.id)

    effect = await swept(database, await implemented(database, project, middle, waste.kind, waste.target))

    assert (effect.state, effect.reason) == ("measured", None)
    assert float(effect.monthly_saving_usd or 0) == pytest.approx(waste.monthly_saving, rel=0.1)


async def test_a_saving_is_the_difference_of_the_means_at_the_volume_after(
    database: Database, project: Project, middle: dt.datetime
) -> None:
    facts: list[Fact] = []
    for start, calls, dollars in ((middle - WEEK, 20, 0.5), (middle, 70, 0.2)):
        week = Week(project.id, start, False, random.Random(calls))
        facts += [week.call(dollars, status="error" if number < 7 else "ok") for number in range(calls)]
    await store(database, facts)

    effect = await swept(database, await implemented(database, project, middle, "CUSTOM", Target()))

    assert effect.before is not None
    assert effect.after is not None
    assert (effect.before.unit_cost_usd, effect.before.error_rate) == (Decimal("0.5"), 0.35)
    assert (effect.after.unit_cost_usd, effect.after.error_rate) == (Decimal("0.2"), 0.1)
    assert effect.monthly_saving_usd == Decimal("0.3") * 10 * Decimal("30.4375")


async def test_a_route_has_an_effect_but_no_saving(database: Database, project: Project, middle: dt.datetime) -> None:
    await store(database, two_weeks(project.id, middle, slow_route, noise))

    effect = await swept(database, await implemented(database, project, middle, "SLOW_ROUTE", Target(route="/slow")))

    assert (effect.state, effect.monthly_saving_usd) == ("measured", None)
    assert effect.before is not None
    assert effect.after is not None
    assert effect.before.mean_ms == pytest.approx(900, rel=0.1)
    assert effect.after.mean_ms == pytest.approx(90, rel=0.1)
    assert effect.before.error_rate == pytest.approx(0.3, abs=0.06)
    assert effect.before.unit_cost_usd is None


@pytest.mark.parametrize(
    ("before", "after", "priced", "reason"),
    [
        (0, 50, True, "The target has 0 calls in the time before"),
        (4, 50, True, "The target has 4 calls in the time before: at least 5 are needed to compare."),
        (50, 0, True, "The target has 0 calls in the time after"),
        (50, 1, True, "The target has 1 call in the time after"),
        (50, 50, False, "Only 0 % of the target's calls in the time before have a price"),
    ],
)
async def test_what_cannot_be_compared_is_inconclusive(
    database: Database, project: Project, middle: dt.datetime, before: int, after: int, priced: bool, reason: str
) -> None:
    facts = two_weeks(project.id, middle, noise)
    for start, calls in ((middle - WEEK, before), (middle, after)):
        week = Week(project.id, start, False, random.Random(calls))
        price = {} if priced else {"cost_picousd": None}
        facts += [week.call(0.1, operation="ours", **price) for _ in range(calls)]
    await store(database, facts)

    effect = await swept(database, await implemented(database, project, middle, "CUSTOM", Target(operation="ours")))

    assert (effect.state, effect.monthly_saving_usd) == ("inconclusive", None)
    assert effect.reason is not None
    assert effect.reason.startswith(reason)
    assert effect.before is not None
    assert effect.after is not None
    assert (effect.before.requests, effect.after.requests) == (before, after)


async def test_nothing_is_said_of_a_time_that_is_gone(
    database: Database, project: Project, middle: dt.datetime
) -> None:
    await store(database, two_weeks(project.id, middle, noise))
    async with database.write() as session:
        await session.run(update(Counter).values(floor=middle - 3 * DAY))

    effect = await swept(database, await implemented(database, project, middle, "ANY", Target()))

    assert (effect.state, effect.reason, effect.monthly_saving_usd) == ("inconclusive", GONE, None)
