"""A generated month with planted wastes: what is advised is followed, and what that saved is measured."""

import datetime as dt
from collections.abc import Callable
from copy import copy
from typing import Any

import msgspec
import pytest

from models import Database, Project
from models.base import PICODOLLARS
from realtime.facts import Fact
from resolvers.recommendations.effects import effect_of
from resolvers.recommendations.generation import Generator
from resolvers.recommendations.job import sweep
from resolvers.recommendations.life import implement
from tests.resolvers.recommendations import planting
from tests.resolvers.recommendations.ledger import TERMS, found, store
from tests.resolvers.recommendations.month import CACHED, DAYS, DAYS_A_MONTH, Month, cost
from tests.resolvers.recommendations.wastes import WEEK
from tests.resolvers.rollups.facts import catch_up

Call = dict[str, Any]
Fix = Callable[[Call], Call | None]
"""What a call becomes without the waste: None where it is not made."""


def changed(wasteful: Callable[[Call], bool], **values: Any) -> Fix:
    return lambda call: {**call, **values} if wasteful(call) else call


def without(wasteful: Callable[[Call], bool]) -> Fix:
    return lambda call: None if wasteful(call) else call


def without_repeats() -> Fix:
    """Keeps the first call of each trace."""
    seen: set[str] = set()

    def repeats(call: Call) -> bool:
        known = call["trace_id"] in seen
        seen.add(call["trace_id"])
        return known

    return without(repeats)


def short(call: Call) -> Call:
    wasteful = call["subject"] == planting.SUBJECT_C and call["operation"] == "chat"
    return {**call, "input": call["input"] // 14} if wasteful else call


FIXES: dict[str, dict[planting.Plant, Callable[[], Fix]]] = {
    "five kinds": {
        planting.simple_calls_of_a_large_model: lambda: changed(
            lambda call: call["operation"] == "classify", model="gpt-4o-mini"
        ),
        planting.prompts_that_nobody_caches: lambda: changed(
            lambda call: call["operation"] == "support", cached_share=CACHED
        ),
        planting.prompts_of_one_subject_too_long: lambda: short,
        planting.retries_within_a_trace: lambda: without(
            lambda call: call["subject"] == planting.SUBJECT_D and call["status"] == "error"
        ),
        planting.calls_that_fail: lambda: changed(lambda call: call["operation"] == "translate", status="ok"),
    },
    "other ones": {
        planting.simple_calls_of_one_subject: lambda: changed(
            lambda call: call["operation"] == "route", model="claude-haiku-4-5"
        ),
        planting.one_subject_that_misses_the_cache: lambda: changed(
            lambda call: call["subject"] == planting.SUBJECT_B and call["operation"] == "answer", cached_share=CACHED
        ),
        planting.duplicates_that_all_succeed: without_repeats,
        planting.a_subject_that_is_gone: lambda: without(lambda call: call["subject"] == "gone-customer"),
    },
}


def week_after(month: Month, fixes: dict[planting.Plant, Callable[[], Fix]]) -> tuple[list[Fact], list[float]]:
    """The calls of the month's last week once more, each twice, without the wastes; what that saves, in dollars."""
    calls = sorted((call for call in month.calls if call["time"] >= month.end - WEEK), key=lambda call: call["time"])
    saved = []
    for plant, fix in fixes.items():
        change, kept, avoided = fix(), [], 0
        for call in calls:
            better = change(call)
            needless = better is None or better["status"] != call["status"]
            avoided += (cost(call) or 0) - (0 if needless else cost(better or call) or 0)
            kept += [] if better is None else [better]
        calls = kept
        by_day = plant is planting.a_subject_that_is_gone  # nobody is there who could call more
        saved.append((1 if by_day else 2) * avoided / PICODOLLARS / 7 * DAYS_A_MONTH)
    after = copy(month)
    after.api_calls = []
    after.calls = [
        {**call, "time": call["time"] + WEEK, "trace_id": f"{call['trace_id']} again {time}"}
        for time in range(2)
        for call in calls
    ]
    return [msgspec.structs.replace(fact, id=f"after {fact.id}") for fact in after.facts()], saved


@pytest.mark.parametrize("seed", [3, pytest.param(4, marks=pytest.mark.long)])
@pytest.mark.parametrize("names", FIXES)
async def test_what_was_planted_is_found_removed_and_measured(
    database: Database, project: Project, names: str, seed: int
) -> None:
    fixes = FIXES[names]
    end = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0) - WEEK
    month = Month(project.id, seed=seed, start=end - dt.timedelta(days=DAYS))
    for plant in fixes:
        plant(month)
    await store(database, month.facts())
    await catch_up(database, project.id)
    rows = await Generator().generate(database, project_id=project.id, start=month.start, end=month.end)
    for row in rows:
        async with database.write() as session:
            await implement(
                session, project_id=project.id, number=row.id, implemented_at=end, actor="tests", terms=TERMS
            )
    facts, saved = week_after(month, fixes)
    await store(database, facts)

    await sweep(database, TERMS, now=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=10))

    assert sorted(row.kind for row in rows) == sorted(planted.kind for planted in month.planted)
    for planted, saving in zip(month.planted, saved, strict=True):
        row = next(row for row in rows if row.kind == planted.kind and planted.target.items() <= row.target.items())
        effect = effect_of(await found(database, row))
        assert effect is not None
        assert (effect.state, effect.reason) == ("measured", None)
        assert float(effect.monthly_saving_usd or 0) == pytest.approx(saving, rel=0.1), planted.kind
