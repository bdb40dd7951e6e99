"""Reading the log back from its tables."""

import asyncio
import datetime as dt

import asyncpg
import pytest
from sqlalchemy import delete, update

from models import ApiCall, Commit, Counter, Database, UsageEvent
from realtime import replay
from realtime.cursors import BadCursor
from realtime.facts import Fact, Span
from realtime.readers import SPAN_BYTES, Pace, Reader
from tests.databases import on_every_postgresql
from tests.realtime.log import LONG_AGO, NOW, activity, api_call, commit, usage, usages


async def read(database: Database, project_id: int, after: int, limit: int = replay.PAGE) -> Span:
    async with database.read() as session:
        return await replay.read_span(session, project_id=project_id, after=after, limit=limit)


async def newest(
    database: Database, project_id: int, *, before: int | None = None, kinds: set[str] | None = None, limit: int = 10
) -> list[Fact]:
    async with database.read() as session:
        return await replay.list_newest(session, project_id=project_id, before=before, kinds=kinds, limit=limit)


async def test_facts_of_all_tables_come_back_whole_and_in_commit_order(database: Database, project_id: int) -> None:
    first = await commit(database, [usage(project_id, "a"), activity(project_id, "b"), api_call(project_id, "c")])
    second = await commit(database, [api_call(project_id, "d", LONG_AGO), usage(project_id, "e", LONG_AGO)])
    assert first.facts is not None
    assert second.facts is not None

    span = await read(database, project_id, 0)

    assert (span.after, span.last_seq, span.missed) == (0, 5, 0)
    assert list(span.facts) == [*first.facts, *second.facts]
    assert span.committed_at == first.committed_at


async def test_a_span_has_at_most_its_limit_and_the_next_one_goes_on(database: Database, project_id: int) -> None:
    for size in (3, 1, 4, 2):
        await commit(database, usages(project_id, size, f"batch of {size}"))

    spans, place = [], 0
    while (span := await read(database, project_id, place, limit=4)).last_seq > place:
        spans.append([fact.seq for fact in span.facts])
        place = span.last_seq

    assert spans == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


async def test_at_the_end_of_the_log_a_span_is_empty(database: Database, project_id: int) -> None:
    assert (await read(database, project_id, 0)).last_seq == 0
    await commit(database, usages(project_id, 2))
    span = await read(database, project_id, 2)
    assert (span.after, span.last_seq, span.missed, len(span.facts)) == (2, 2, 0, 0)


async def test_another_project_stays_apart(database: Database, project_id: int) -> None:
    await commit(database, usages(project_id, 2))
    assert (await read(database, project_id + 1, 0)).last_seq == 0
    assert await newest(database, project_id + 1) == []


async def test_facts_below_the_floor_are_missed_and_skipped_at_once(database: Database, project_id: int) -> None:
    for n in range(5):
        await commit(database, usages(project_id, 100, f"old {n}", LONG_AGO))
    await commit(database, [usage(project_id, "mixed old", LONG_AGO), usage(project_id, "mixed new")])
    await commit(database, usages(project_id, 3, "new"))
    async with database.write() as session:
        await session.run(update(Counter).values(floor=NOW - dt.timedelta(days=30)))

    span = await read(database, project_id, 10, limit=20)

    assert [fact.seq for fact in span.facts] == [502, 503, 504, 505]
    assert (span.last_seq, span.missed) == (505, 491)
    assert [fact.seq for fact in await newest(database, project_id)] == [505, 504, 503, 502]


@pytest.mark.parametrize("with_commits", [True, False])
async def test_dropped_rows_are_missed(database: Database, project_id: int, *, with_commits: bool) -> None:
    await commit(database, usages(project_id, 600))
    async with database.write() as session:
        await session.run(delete(UsageEvent))
        if with_commits:
            await session.run(delete(Commit))
            await session.run(update(Counter).values(floor=NOW + dt.timedelta(days=1)))

    missed, place = 0, 0
    while (span := await read(database, project_id, place)).last_seq > place:
        missed, place = missed + span.missed, span.last_seq

    assert (missed, place) == (600, 600)


async def test_the_newest_come_first_and_page_down(database: Database, project_id: int) -> None:
    await commit(database, [usage(project_id, "a"), activity(project_id, "b"), api_call(project_id, "c")])
    await commit(database, [usage(project_id, "d", LONG_AGO), activity(project_id, "e", kind="alert")])

    assert [fact.id for fact in await newest(database, project_id, limit=3)] == ["e", "d", "c"]
    assert [fact.id for fact in await newest(database, project_id, before=3)] == ["b", "a"]


@pytest.mark.parametrize(
    ("kinds", "found"),
    [
        (None, "edcba"),
        ({"usage"}, "da"),
        ({"api_call"}, "c"),
        ({"bug", "health"}, "b"),
        ({"usage", "alert"}, "eda"),
        (set(), ""),
    ],
)
async def test_the_newest_of_some_kinds(
    database: Database, project_id: int, kinds: set[str] | None, found: str
) -> None:
    await commit(database, [usage(project_id, "a"), activity(project_id, "b"), api_call(project_id, "c")])
    await commit(database, [usage(project_id, "d", LONG_AGO), activity(project_id, "e", kind="alert")])

    assert "".join(fact.id for fact in await newest(database, project_id, kinds=kinds)) == found


async def test_a_list_does_not_start_beyond_the_end_of_the_log(database: Database, project_id: int) -> None:
    await commit(database, usages(project_id, 2))
    assert [fact.seq for fact in await newest(database, project_id, before=2)] == [1]
    with pytest.raises(BadCursor):
        await newest(database, project_id, before=3)


async def test_an_api_call_table_that_lost_its_rows_does_not_hide_the_others(
    database: Database, project_id: int
) -> None:
    await commit(database, [usage(project_id, "a"), api_call(project_id, "b"), activity(project_id, "c")])
    async with database.write() as session:
        await session.run(delete(ApiCall))

    span = await read(database, project_id, 0)

    assert ([fact.id for fact in span.facts], span.missed) == (["a", "c"], 1)


@on_every_postgresql
async def test_a_page_touches_only_the_months_of_its_commits(database: Database, project_id: int) -> None:
    """So a month can be dropped, which locks it, while streams go on."""
    await commit(database, [usage(project_id, "old", LONG_AGO)])
    await commit(database, [usage(project_id, "new")])
    connection = await asyncpg.connect(database.url.render_as_string(hide_password=False))
    async with connection.transaction(), asyncio.timeout(5):
        await connection.execute("LOCK TABLE usage_events_2023_11, api_calls_2023_11 IN ACCESS EXCLUSIVE MODE")
        span = await read(database, project_id, 1)
    await connection.close()
    assert [fact.id for fact in span.facts] == ["new"]


async def test_a_span_ends_where_it_is_asked_to(database: Database, project_id: int) -> None:
    for size in (3, 4):
        await commit(database, usages(project_id, size, f"batch of {size}"))
    async with database.read() as session:
        span = await replay.read_span(session, project_id=project_id, after=1, until=5)
        nothing = await replay.read_span(session, project_id=project_id, after=5, until=5)
    assert ([fact.seq for fact in span.facts], span.last_seq, span.missed) == ([2, 3, 4, 5], 5, 0)
    assert (len(nothing.facts), nothing.last_seq) == (0, 5)


async def spans_of(database: Database, project_id: int, kinds: set[str], limit: int = replay.PAGE) -> list[Span]:
    """Every span of some kinds, from the start of the log."""
    spans, place = list[Span](), 0
    while True:
        async with database.read() as session:
            span = await replay.read_span(session, project_id=project_id, after=place, kinds=kinds, limit=limit)
        if span.last_seq == place:
            return spans
        spans.append(span)
        place = span.last_seq


@pytest.mark.parametrize(("kinds", "seqs"), [({"bug"}, [602, 1204]), ({"api_call"}, [601, 1203]), ({"alert"}, [])])
async def test_rare_kinds_are_found_without_reading_the_others(
    database: Database, project_id: int, kinds: set[str], seqs: list[int]
) -> None:
    for name in ("a", "b"):
        await commit(database, [*usages(project_id, 600, name), api_call(project_id, name), activity(project_id, name)])

    [span] = await spans_of(database, project_id, kinds)

    assert ([fact.seq for fact in span.facts], span.last_seq, span.missed) == (seqs, 1204, 0)


async def test_pages_of_some_kinds_join_without_hole_or_repeat(database: Database, project_id: int) -> None:
    for n in range(20):
        facts: list[Fact] = [usage(project_id, f"{n}"), api_call(project_id, f"{n}"), activity(project_id, f"{n}")]
        await commit(database, facts if n % 3 else facts[::-1])

    spans = await spans_of(database, project_id, {"usage", "bug"}, limit=7)

    found = [fact.seq for span in spans for fact in span.facts]
    assert found == sorted(set(found))
    assert len(found) == 40
    assert (spans[-1].last_seq, sum(span.missed for span in spans)) == (60, 0)


async def test_what_retention_took_is_missed_whatever_kind_is_asked_for(database: Database, project_id: int) -> None:
    await commit(database, [usage(project_id, "old", LONG_AGO), activity(project_id, "old", LONG_AGO)])
    await commit(database, [usage(project_id, "new"), activity(project_id, "new")])
    async with database.write() as session:
        await session.run(update(Counter).values(floor=NOW - dt.timedelta(days=30)))
        await session.run(delete(UsageEvent).where(UsageEvent.id == "old"))
        await session.run(delete(Commit).where(Commit.last_seq == 2))

    spans = await spans_of(database, project_id, {"bug"})

    assert [fact.seq for span in spans for fact in span.facts if fact.time == NOW] == [3, 4]
    assert (sum(span.missed for span in spans), spans[-1].last_seq) == (2, 4)


async def test_heavy_facts_are_read_few_at_a_time(database: Database, project_id: int) -> None:
    heavy = {f"key {n}": "x" * 1000 for n in range(30)}
    await commit(database, [usage(project_id, f"{n}", attributes=heavy) for n in range(200)])
    reader, pace, place, sizes = Reader(database), Pace(), 0, []
    while place < 200:
        span = await reader.shared_span(project_id, after=place, pace=pace)
        assert (span.after, span.missed) == (place, 0)
        place = span.last_seq
        sizes.append(span.size)
    assert max(sizes) <= SPAN_BYTES
    assert pace.facts < 50
