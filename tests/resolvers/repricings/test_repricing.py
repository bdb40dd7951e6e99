"""Costs before and after a repricing are those that a plain recomputation says, in facts, roll-ups and answers."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, update

from integrations.prices import ListPrices
from models import Activity, Counter, Database, Project, UsageEvent
from realtime.facts import UsageFact, columns_of
from resolvers.events.writer import Writer
from resolvers.repricings.job import sweep
from tests.resolvers.events.events import send
from tests.resolvers.prices import reference
from tests.resolvers.prices.editor import Editor
from tests.resolvers.repricings.calls import AFTER, BEFORE, DAY, DAYS, MIDNIGHT, NOW, make
from tests.resolvers.rollups.facts import catch_up
from tests.resolvers.rollups.recomputed import assert_same, recomputed, stored

Json = dict[str, Any]

PRICES = ListPrices()
PERIOD = {"from": (NOW - (DAYS + 1) * DAY).isoformat(), "to": (NOW + DAY).isoformat()}
DIFFERENCE = "events changed beforeUsd afterUsd differenceUsd pricedBefore pricedAfter"
REPRICE = f"""mutation ($input: RepriceUsageInput!) {{
  repriceUsage(input: $input) {{
    repricing {{
      id dryRun status progress days daysDone daysSkipped error finishedAt
      difference {{ {DIFFERENCE} }} byModel {{ provider model {DIFFERENCE} }}
    }}
    userErrors {{ code field message }}
  }}
}}"""
REPRICING = f"""query ($id: ID!) {{
  repricing(id: $id) {{ status progress days daysDone daysSkipped difference {{ {DIFFERENCE} }} }}
}}"""


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    writer = Writer(database, PRICES)
    await writer.start()
    yield writer
    await writer.stop()


@pytest.fixture
def editor(database: Database, project: Project) -> Editor:
    return Editor(database, project)


async def save_before(editor: Editor) -> list[str]:
    return [(await editor.save(**price))["id"] for price in BEFORE]


async def save_after(editor: Editor, ids: Sequence[str]) -> None:
    first, second, _, fourth, fifth = ids
    await editor.save(id=first, rates=AFTER[0]["rates"])
    await editor.delete(second)
    await editor.save(id=fourth, factor=AFTER[2]["factor"])
    await editor.save(id=fifth, to=None, rates=AFTER[3]["rates"])
    for price in AFTER[4:]:
        await editor.save(**price)


async def facts_of(database: Database, project: Project) -> list[UsageFact]:
    async with database.read() as session:
        columns = [getattr(UsageEvent, name) for name in columns_of(UsageFact)]
        rows = await session.rows(select(*columns).where(UsageEvent.project_id == project.id).order_by(UsageEvent.seq))
    return [UsageFact(*row) for row in rows]


async def check(database: Database, project: Project, calls: Sequence[Json], own: Sequence[Json]) -> list[UsageFact]:
    """Each fact has the cost that the reference says, and each roll-up what its facts add up to."""
    by_id = {call["id"]: call for call in calls}
    facts = await facts_of(database, project)
    assert len(facts) == len(calls)
    for fact in facts:
        assert (fact.cost_picousd, fact.cost_source) == reference.cost(by_id[fact.id], own), (fact, by_id[fact.id])
    assert_same(await stored(database, project.id), recomputed(facts, now=NOW))
    return facts


async def reprice(editor: Editor, **values: Any) -> Json:
    payload = (await editor.ask(REPRICE, input={"period": PERIOD, **values}))["repriceUsage"]
    assert not payload["userErrors"], payload
    repricing: Json = payload["repricing"]
    return repricing


def expected(calls: Sequence[Json]) -> Json:
    """The difference that a repricing of these calls tells."""
    pairs = [(reference.cost(call, BEFORE)[0], reference.cost(call, AFTER)[0]) for call in calls]
    before = Decimal(sum(cost for cost, _ in pairs if cost is not None)) / 10**12
    after = Decimal(sum(cost for _, cost in pairs if cost is not None)) / 10**12
    return {
        "events": len(calls),
        "beforeUsd": before,
        "afterUsd": after,
        "differenceUsd": after - before,
        "pricedBefore": sum(cost is not None for cost, _ in pairs),
        "pricedAfter": sum(cost is not None for _, cost in pairs),
    }


def told(difference: Json) -> Json:
    return {
        name: Decimal(value) if name.endswith("Usd") else value
        for name, value in difference.items()
        if name not in ("changed", "provider", "model")
    }


@pytest.mark.parametrize("count", [1500, pytest.param(100_000, marks=pytest.mark.long)])
async def test_every_figure_is_right_before_and_after(
    database: Database, project: Project, writer: Writer, editor: Editor, count: int
) -> None:
    ids = await save_before(editor)
    calls = make(count, seed=1, own=BEFORE)
    for start in range(0, count, 5_000):
        recorded = await send(writer, project.id, calls[start : start + 5_000])
        assert not recorded.rejected, recorded.rejected[:3]
        await catch_up(database, project.id)
    await check(database, project, calls, BEFORE)
    await save_after(editor, ids)

    dry = await reprice(editor, dryRun=True)
    assert (dry["status"], dry["progress"], dry["daysSkipped"]) == ("DONE", 1.0, 0)
    assert told(dry["difference"]) == expected(calls)
    groups = defaultdict(list)
    for call in calls:
        groups[call.get("provider"), call["model"]].append(call)
    assert {(each["provider"], each["model"]): told(each) for each in dry["byModel"]} == {
        model: expected(some) for model, some in groups.items()
    }
    await check(database, project, calls, BEFORE)

    begun = await reprice(editor)
    assert (begun["status"], begun["dryRun"]) == ("RUNNING", False)
    late = make(300, seed=2, own=AFTER, first=count)

    async def trickle() -> None:
        for start in range(0, len(late), 10):
            assert not (await send(writer, project.id, late[start : start + 10])).rejected
            await asyncio.sleep(0.005)

    writer.terms._known.clear()  # what five seconds do
    await asyncio.gather(sweep(database, PRICES), trickle())
    done = (await editor.ask(REPRICING, id=begun["id"]))["repricing"]
    assert (done["status"], done["progress"], done["daysSkipped"]) == ("DONE", 1.0, 0)
    assert done["difference"]["changed"] == dry["difference"]["changed"]
    await catch_up(database, project.id)
    facts = await check(database, project, [*calls, *late], AFTER)

    for zone in ("UTC", "Asia/Kathmandu", "America/New_York"):
        answer = await editor.ask(
            "query ($period: PeriodInput!) { metrics(period: $period) { usage { totals { costUsd requests "
            "unpricedShare } breakdown(by: MODEL, orderBy: COST, first: 50) { edges { node { key totals { costUsd } } "
            "} } } } }",
            period={**PERIOD, "timeZone": zone},
        )
        usage = answer["metrics"]["usage"]
        costs = [fact.cost_picousd for fact in facts if fact.cost_picousd is not None]
        assert Decimal(usage["totals"]["costUsd"]) * 10**12 == sum(costs)
        assert usage["totals"]["unpricedShare"] == pytest.approx(sum(bool(f.unpriced) for f in facts) / len(facts))
        for edge in usage["breakdown"]["edges"]:
            some = [f.cost_picousd for f in facts if f.model == edge["node"]["key"] and f.cost_picousd is not None]
            cost = edge["node"]["totals"]["costUsd"]
            assert (None if cost is None else Decimal(cost) * 10**12) == (sum(some) if some else None)

    again = await reprice(editor)
    await sweep(database, PRICES)
    assert (await editor.ask(REPRICING, id=again["id"]))["repricing"]["difference"]["changed"] == 0
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Activity)) == 0


async def test_days_below_the_floor_are_skipped_and_counted(
    database: Database, project: Project, writer: Writer, editor: Editor
) -> None:
    calls = make(300, seed=3, own=[])
    await send(writer, project.id, calls)
    await catch_up(database, project.id)
    floor = MIDNIGHT - 2 * DAY + DAY / 2
    async with database.write() as session:
        await session.run(update(Counter).values(floor=floor))
    frozen = [fact for fact in await facts_of(database, project) if fact.time < MIDNIGHT - DAY]
    await editor.save(model="*", rates={"input": "1", "output": "1", "perRequest": "0.5"})
    begun = await reprice(editor)
    await sweep(database, PRICES)
    done = (await editor.ask(REPRICING, id=begun["id"]))["repricing"]
    days = {dt.datetime.fromisoformat(call["time"]).date() for call in calls}
    below = {day for day in days if day < (MIDNIGHT - DAY).date()}
    assert (done["status"], done["daysSkipped"], done["daysDone"]) == ("DONE", len(below), len(days - below))
    facts = await facts_of(database, project)
    assert [fact for fact in facts if fact.time < MIDNIGHT - DAY] == frozen
    assert all(fact.cost_source in ("override", "provider") for fact in facts if fact.time >= MIDNIGHT - DAY)
    assert_same(await stored(database, project.id), recomputed(facts, now=NOW))


async def test_only_what_is_meant_is_priced_anew(
    database: Database, project: Project, writer: Writer, editor: Editor
) -> None:
    calls = make(300, seed=4, own=[])
    await send(writer, project.id, calls)
    await catch_up(database, project.id)
    before = {fact.id: fact for fact in await facts_of(database, project)}
    await editor.save(model="*", rates={"input": "1", "output": "1"})
    start, end = NOW - 3 * DAY + DAY / 3, NOW - DAY / 3
    period = {"from": start.isoformat(), "to": end.isoformat()}
    await reprice(editor, period=period, filter={"models": ["gpt-4o"], "subjects": ["ann"]})
    await sweep(database, PRICES)
    facts = await facts_of(database, project)
    for fact in facts:
        meant = fact.model == "gpt-4o" and fact.subject == "ann" and start <= fact.time < end
        if meant and fact.cost_source != "provider":
            assert (fact.cost_source, fact.price_version) == ("override", "price 1 revision 1")
        elif not meant:
            assert fact == before[fact.id]
    assert_same(await stored(database, project.id), recomputed(facts, now=NOW))


async def test_one_repricing_of_a_project_at_a_time(database: Database, project: Project, editor: Editor) -> None:
    begun = await reprice(editor)
    payload = (await editor.ask(REPRICE, input={"period": PERIOD}))["repriceUsage"]
    assert payload["repricing"]["id"] == begun["id"]
    assert [error["code"] for error in payload["userErrors"]] == ["CONFLICT"]
    assert (await reprice(editor, dryRun=True))["status"] == "DONE"
    await sweep(database, PRICES)
    assert (await reprice(editor))["status"] == "RUNNING"
