"""A generated month with planted wastes: those are found, with what they cost, and nothing else."""

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import select

from models import Counter, Database, Project, Recommendation
from models.base import PICODOLLARS
from resolvers.errors import Invalid
from resolvers.recommendations import cells
from resolvers.recommendations.generation import RULES, Generator, check_kinds
from resolvers.recommendations.job import sweep
from resolvers.recommendations.life import dismiss, implement
from resolvers.recommendations.reading import Sources, read_aggregates
from resolvers.recommendations.terms import Terms
from tests.databases import only_sqlite
from tests.resolvers.recommendations import planting
from tests.resolvers.recommendations.month import DAYS, SUBJECTS, Month, Operation, wasted
from tests.resolvers.recommendations.planting import WASTES, Plant
from tests.resolvers.rollups.facts import catch_up, commit

WITHIN = 0.1
KINDS = {plant: kind for kind, plants in planting.KINDS.items() for plant in plants}


def start_of_month(*, days_ago: int = 0) -> dt.datetime:
    """The midnight thirty days before today's, or before that of some days ago."""
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - dt.timedelta(days=DAYS + days_ago)


async def generated(database: Database, month: Month, generator: Generator | None = None) -> list[Recommendation]:
    return await (generator or Generator()).generate(
        database, project_id=month.project_id, start=month.start, end=month.end
    )


def check(rows: list[Recommendation], month: Month) -> None:
    """One recommendation for each waste, about it, with its saving; none else."""
    assert sorted(row.kind for row in rows) == sorted(waste.kind for waste in month.planted)
    for waste in month.planted:
        (row,) = (row for row in rows if row.kind == waste.kind)
        assert waste.target.items() <= row.target.items()
        assert row.subject == row.target.get("subject")
        assert float(row.expected_monthly_saving_picousd or 0) / PICODOLLARS == pytest.approx(
            waste.saving_usd, rel=WITHIN, abs=0.001
        )
        assert row.confidence is not None
        assert 0.3 < row.confidence <= 1


def five(seed: int) -> list[Plant]:
    """Five wastes of different kinds."""
    chosen: dict[str, Plant] = {}
    for plant in random.Random(seed).sample(WASTES, len(WASTES)):
        chosen.setdefault(KINDS[plant], plant)
    return list(chosen.values())[:5]


@pytest.mark.parametrize("seed", [3, pytest.param(8, marks=pytest.mark.long)])
async def test_five_wastes_are_found(database: Database, project: Project, seed: int) -> None:
    month = Month(project.id, seed=seed, start=start_of_month())
    for plant in five(seed):
        plant(month)
    await commit(database, month.facts())
    await catch_up(database, project.id)

    check(await generated(database, month), month)


@only_sqlite
@pytest.mark.parametrize("seed", [20, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(21, 28))])
async def test_other_five_wastes_are_found(database: Database, project: Project, seed: int) -> None:
    month = Month(project.id, seed=seed, start=start_of_month(), calls_a_day=200)
    for plant in five(seed):
        plant(month)
    await commit(database, month.facts())

    check(await generated(database, month), month)


@only_sqlite
@pytest.mark.parametrize("plant", WASTES)
async def test_a_waste_alone_is_found(database: Database, project: Project, plant: Plant) -> None:
    month = Month(project.id, seed=1, start=start_of_month(), calls_a_day=150)
    plant(month)
    await commit(database, month.facts())

    check(await generated(database, month), month)


def one_subject_that_misses_the_best_cache(month: Month) -> None:
    """Of an operation whose prompts are cached more than those of any other."""
    brief = Operation("brief", "anthropic", "claude-sonnet-4-5", 3000, 500, 0)
    for time in month.times(50 * DAYS):
        month.calls.append(month.call(time, brief, month.subject(), cached_share=0.85))
    calls = [month.call(time, brief, "customer-0", cached_share=0.0) for time in month.times(20 * DAYS)]
    month.calls += calls
    month.plant("LOW_CACHE_HIT", wasted(calls, cached_share=0.85), subject="customer-0", operation="brief")


@only_sqlite
async def test_caching_is_compared_within_an_operation(database: Database, project: Project) -> None:
    month = Month(project.id, seed=1, start=start_of_month(), calls_a_day=150)
    one_subject_that_misses_the_best_cache(month)
    await commit(database, month.facts())

    rows = [row for row in await generated(database, month) if row.kind == "LOW_CACHE_HIT"]
    check(rows, month)


def nothing(month: Month) -> None:
    """The month as it is."""


def no_names(month: Month) -> None:
    for call in month.calls:
        call["operation"] = call["trace_id"] = None


def three_subjects(month: Month) -> None:
    for call in [*month.calls, *month.api_calls]:
        call["subject"] = month.random.choice(SUBJECTS[:3])


def thousands_of_subjects(month: Month) -> None:
    for call in [*month.calls, *month.api_calls]:
        call["subject"] = f"visitor-{month.random.randrange(3000)}"


def few_spend_much(month: Month) -> None:
    for call in [*month.calls, *month.api_calls]:
        call["subject"] = month.random.choices(SUBJECTS, [1 / (place + 1) ** 1.2 for place in range(len(SUBJECTS))])[0]


def sizes_of_all_orders(month: Month) -> None:
    for call in month.calls:
        call["input"] = max(5, round(call["input"] * month.random.lognormvariate(0, 0.9)))


def an_outage(month: Month) -> None:
    start = month.start + dt.timedelta(days=12, hours=10)
    for call in [*month.calls, *month.api_calls]:
        if start <= call["time"] < start + dt.timedelta(hours=3) and month.random.random() < 0.6:
            call["status"] = "error" if "model" in call else 503


def agents(month: Month) -> None:
    """Traces of several calls, each with a longer prompt; one that fails is tried once more."""
    for call in list(month.calls):
        time = call["time"]
        for step in range(month.random.randrange(5)):
            time += dt.timedelta(seconds=month.random.uniform(1, 10))
            failed = month.random.random() < 0.03
            size = call["input"] + step * month.random.randrange(50, 400) + 50
            month.calls.append({**call, "time": time, "input": size, "status": "error" if failed else "ok"})


def chunks_in_one_trace(month: Month) -> None:
    for time in month.times(200):
        trace = f"trace {month.random.getrandbits(40)}"
        for chunk in range(12):
            soon = time + dt.timedelta(seconds=chunk / 5)
            month.calls.append(month.call(soon, planting.EMBED, None, trace_id=trace, input=512))


def no_caching(month: Month) -> None:
    for call in month.calls:
        call["cached_share"] = 0.0


def no_api_calls(month: Month) -> None:
    month.api_calls = []


def api_calls_of_half_the_subjects(month: Month) -> None:
    for call in month.api_calls:
        call["subject"] = call["subject"] if call["subject"] in SUBJECTS[::2] else None


def all_slow(month: Month) -> None:
    for call in month.api_calls:
        call["duration_ms"] *= 20


def few_calls(month: Month) -> None:
    month.calls, month.api_calls = month.calls[:200], month.api_calls[:100]


@only_sqlite
@pytest.mark.parametrize(
    "shape",
    [
        nothing,
        no_names,
        three_subjects,
        thousands_of_subjects,
        few_spend_much,
        sizes_of_all_orders,
        an_outage,
        agents,
        chunks_in_one_trace,
        no_caching,
        no_api_calls,
        api_calls_of_half_the_subjects,
        all_slow,
        few_calls,
    ],
)
async def test_a_clean_month_gives_no_reason(
    database: Database, project: Project, shape: Callable[[Month], None]
) -> None:
    month = Month(project.id, seed=5, start=start_of_month(), calls_a_day=150)
    shape(month)
    await commit(database, month.facts())

    assert [(row.kind, row.target, row.evidence) for row in await generated(database, month)] == []


CURED = (
    planting.simple_calls_of_a_large_model,
    planting.one_subject_that_misses_the_cache,
    planting.prompts_of_one_subject_too_long,
    planting.retries_within_a_trace,
    planting.calls_that_fail,
    planting.a_subject_that_is_gone,
)


@pytest.mark.parametrize("plant", CURED)
async def test_what_was_expected_is_what_is_measured(database: Database, project: Project, plant: Plant) -> None:
    month = Month(project.id, seed=4, start=start_of_month(days_ago=7), calls_a_day=200)
    plant(month)
    await commit(database, month.facts())
    (row,) = await generated(database, month)
    expected = Decimal(row.expected_monthly_saving_picousd or 0) / PICODOLLARS
    async with database.read() as session:
        last_seq = await session.scalar(select(Counter.last_seq).where(Counter.project_id == project.id))
    await commit(database, month.week_after((last_seq or 0) + 1))

    async with database.write() as session:
        await implement(
            session,
            project_id=project.id,
            number=row.id,
            implemented_at=month.end,
            actor="tests",
            terms=Terms(),
        )
    await sweep(database, Terms(), now=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1))
    async with database.read() as session:
        measured = await session.scalar(select(Recommendation.measured_monthly_saving_picousd))

    assert float(measured or 0) / PICODOLLARS == pytest.approx(float(expected), rel=WITHIN)
    week = dt.timedelta(days=7)
    later = await Generator().generate(database, project_id=project.id, start=month.start + week, end=month.end + week)
    assert [(found.kind, found.target, found.evidence["figures"]) for found in later] == []


async def test_generating_again_updates_what_is_there(database: Database, project: Project) -> None:
    month = Month(project.id, seed=6, start=start_of_month(), calls_a_day=60)
    planting.a_model_without_a_price(month)
    planting.simple_calls_of_a_large_model(month)
    await commit(database, month.facts())
    first = await generated(database, month)
    async with database.write() as session:
        await dismiss(session, project_id=project.id, number=first[1].id, reason="We know.", actor="tests")

    again = await generated(database, month)

    assert [(row.id, row.kind, row.status) for row in again] == [
        (first[0].id, "CHEAPER_MODEL", "issued"),
        (first[1].id, "UNPRICED_MODEL", "dismissed"),
    ]


async def test_only_the_kinds_that_are_asked_for(database: Database, project: Project) -> None:
    month = Month(project.id, seed=6, start=start_of_month(), calls_a_day=60)
    planting.a_model_without_a_price(month)
    planting.simple_calls_of_a_large_model(month)
    await commit(database, month.facts())

    rows = await Generator().generate(
        database, project_id=project.id, start=month.start, end=month.end, kinds=["UNPRICED_MODEL"]
    )

    assert [row.kind for row in rows] == ["UNPRICED_MODEL"]


async def test_a_sample_stands_for_all_calls(database: Database, project: Project) -> None:
    month = Month(project.id, seed=9, start=start_of_month(), calls_a_day=400)
    planting.calls_that_fail(month)
    await commit(database, month.facts())

    rows = await generated(database, month, Generator(Sources(most_calls=7_000)))

    check_sampled(rows, month)


def check_sampled(rows: list[Recommendation], month: Month) -> None:
    (row,), (waste,) = rows, month.planted
    assert row.kind == waste.kind
    assert 0.3 < row.evidence["shareOfCallsRead"] < 0.6
    assert float(row.expected_monthly_saving_picousd or 0) / PICODOLLARS == pytest.approx(waste.saving_usd, rel=0.2)


async def test_evidence_names_the_query_and_the_figures(database: Database, project: Project) -> None:
    month = Month(project.id, seed=6, start=start_of_month(), calls_a_day=60)
    planting.simple_calls_of_a_large_model(month)
    await commit(database, month.facts())

    (row,) = await generated(database, month)

    assert row.evidence["variables"]["filter"] == {
        "models": ["gpt-4o"],
        "providers": ["openai"],
        "operations": ["classify"],
    }
    figures = row.evidence["figures"]
    saved = (figures["cost_usd"] - figures["alternative_cost_usd"]) / row.evidence["days"] * 30.4375
    assert saved == pytest.approx(float(row.expected_monthly_saving_picousd or 0) / PICODOLLARS, rel=0.001)
    assert row.title == "Use gpt-4o-mini for gpt-4o calls of classify"
    assert "{" not in (row.body or "{")


@only_sqlite
async def test_senders_cannot_make_more_cells_than_are_looked_at(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = Month(project.id, seed=6, start=start_of_month(), calls_a_day=20)
    for number, call in enumerate(month.calls):
        call["model"] = f"model-{number % 300}"
    await commit(database, month.facts())
    monkeypatch.setattr(cells, "MOST_CELLS", 50)

    async with database.read() as session:
        aggregates = await read_aggregates(
            session,
            project_id=project.id,
            start=month.start,
            end=month.end,
            now=month.end,
            sources=Sources(),
        )

    assert aggregates is not None
    assert len(aggregates.cells) == 50


@only_sqlite
@pytest.mark.parametrize(("days", "least", "most"), [(30, 6, 7), (10, 5, 6), (1, 0.5, 1)])
async def test_recent_are_seven_days_at_most(
    database: Database, project: Project, days: int, least: float, most: float
) -> None:
    month = Month(project.id, seed=6, start=start_of_month(), calls_a_day=50)
    await commit(database, month.facts())

    async with database.read() as session:
        aggregates = await read_aggregates(
            session,
            project_id=project.id,
            start=month.end - dt.timedelta(days=days),
            end=month.end,
            now=month.end,
            sources=Sources(),
        )

    assert aggregates is not None
    assert least <= aggregates.recent_days <= most


async def test_without_traffic_there_is_no_advice(database: Database, project: Project) -> None:
    now = dt.datetime.now(dt.UTC)

    assert await Generator().generate(database, project_id=project.id, start=now - dt.timedelta(days=9), end=now) == []


def test_an_unknown_kind_is_refused() -> None:
    check_kinds(list(RULES))
    with pytest.raises(Invalid) as refused:
        check_kinds(["SLOW_ROUTE", "SLOW"])
    assert refused.value.field == "kinds.1"
