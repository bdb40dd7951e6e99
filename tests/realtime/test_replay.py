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
