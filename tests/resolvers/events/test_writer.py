"""The log keeps its promises: numbers without holes, retries harmless, groups that never fail for one event."""

import asyncio
import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import update

from integrations.prices import ListPrices
from models import ApiCall, Commit, Database, Project, UsageEvent
from realtime.facts import Committed
from resolvers.errors import NotFound, Unavailable
from resolvers.events import writer as writer_module
from resolvers.events.writer import Writer
from resolvers.projects import create_project
from tests.databases import on_every_server
from tests.resolvers.events.events import NOW, call, check_log, send, stored, until_queued, usage


@on_every_server
async def test_an_event_is_stored_with_everything_it_says(database: Database, project: Project, writer: Writer) -> None:
    event = usage(
        "e-1",
        operation="chat",
        subject="node-1",
        environment="prod",
        traceId="4bf9",
        sessionId="s-9",
        status="error",
        error={"type": "RateLimitError", "message": "slow down"},
        durationMs=812.5,
        timeToFirstTokenMs=120,
        tokens={"input": 374, "output": 44, "cacheRead": 100, "cacheWrite": 20, "reasoning": 4},
        costUsd="0.0000000000015",
        estimated=True,
        attributes={"feature": "été", "deep": [{"a": 1.5}]},
    )
    request = call(
        "c-1",
        method="get",
        route="/nodes/{pubkey}",
        status=503,
        durationMs=12.25,
        requestBytes=0,
        responseBytes=203023,
        subject="node-1",
        environment="prod",
        traceId="4bf9",
        cache="hit",
        attributes={"a": None},
    )
    recorded = await send(writer, project.id, [event, request])
    assert (recorded.accepted, recorded.duplicates, recorded.rejected) == (2, 0, [])
    first, second = await check_log(database, project.id)
    assert isinstance(first, UsageEvent)
    assert isinstance(second, ApiCall)
    assert (first.id, first.time, first.model, first.provider) == (
        "e-1",
        NOW - dt.timedelta(seconds=60),
        "gpt-4",
        "openai",
    )
    assert (first.operation, first.subject, first.environment) == ("chat", "node-1", "prod")
    assert (first.trace_id, first.session_id) == ("4bf9", "s-9")
    assert (first.status, first.error_type, first.error_message) == ("error", "RateLimitError", "slow down")
    assert (first.duration_ms, first.time_to_first_token_ms) == (812.5, 120)
    tokens = (first.uncached_tokens, first.cache_read_tokens, first.cache_write_tokens)
    assert (*tokens, first.visible_tokens, first.reasoning_tokens) == (254, 100, 20, 40, 4)
    assert (first.cost_picousd, first.cost_source, first.price_version) == (2, "provider", None)
    assert first.estimated is True
    assert first.attributes == {"feature": "été", "deep": [{"a": 1.5}]}
    assert (second.method, second.route, second.status, second.cache) == ("GET", "/nodes/{pubkey}", 503, "hit")
    assert (second.duration_ms, second.request_bytes, second.response_bytes) == (12.25, 0, 203023)
    assert (second.subject, second.environment, second.trace_id) == ("node-1", "prod", "4bf9")
    assert second.attributes == {"a": None}


async def test_what_is_left_out_is_null_and_costs_the_list_price(
    database: Database, project: Project, writer: Writer
) -> None:
    known = usage(tokens={"input": 10})
    unknown = usage(model="home-grown", provider=None)
    await send(writer, project.id, [known, unknown, call()])
    first, second, third = await check_log(database, project.id)
    assert isinstance(first, UsageEvent)
    assert isinstance(second, UsageEvent)
    assert isinstance(third, ApiCall)
    assert (first.cost_picousd, first.cost_source) == (int(Decimal("0.0003") * 10**12), "book")
    assert first.price_version == ListPrices().version
    assert (second.cost_picousd, second.cost_source, second.price_version) == (None, "none", None)
    assert (second.provider, second.subject, second.duration_ms, second.status) == (None, None, None, "ok")
    assert (second.estimated, second.attributes) == (False, {})
    assert (third.duration_ms, third.request_bytes, third.cache) == (None, None, None)
    assert len({first.id, second.id, third.id}) == 3


async def test_sending_again_changes_nothing(database: Database, project: Project, writer: Writer) -> None:
    events = [usage(f"u-{number}") for number in range(30)] + [call(f"c-{number}") for number in range(30)]
    assert (await send(writer, project.id, events)).accepted == 60
    again = await send(writer, project.id, events)
    assert (again.accepted, again.duplicates) == (0, 60)
    mixed = await send(writer, project.id, [usage("u-3"), usage("u-new"), call("c-3"), call("u-3")])
    assert (mixed.accepted, mixed.duplicates) == (2, 2)
    assert len(await check_log(database, project.id)) == 62


async def test_an_id_is_unique_with_its_type_and_time_and_the_first_one_wins(
    database: Database, project: Project, writer: Writer
) -> None:
    first = [usage("x", subject="first"), usage("x", subject="second"), usage("x", seconds_ago=61), call("x")]
    recorded = await send(writer, project.id, first)
    assert (recorded.accepted, recorded.duplicates) == (3, 1)
    third = await send(writer, project.id, [usage("x", subject="third")])
    assert (third.accepted, third.duplicates) == (0, 1)
    assert [fact.subject for fact in await check_log(database, project.id)] == ["first", None, None]


async def test_times_are_compared_in_microseconds_and_in_utc(
    database: Database, project: Project, writer: Writer
) -> None:
    times = ["2026-01-02T03:04:05.1234564Z", "2026-01-02T03:04:05.123456Z", "2026-01-02T05:04:05.123456+02:00"]
    recorded = await send(writer, project.id, [usage("x", time=time) for time in times])
    assert (recorded.accepted, recorded.duplicates) == (1, 2)
    (fact,) = await check_log(database, project.id)
    assert fact.time == dt.datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=dt.UTC)


async def test_requests_that_wait_share_a_transaction(
    database: Database, project: Project, writer: Writer, published: list[Committed]
) -> None:
    answers = await asyncio.gather(*(send(writer, project.id, [usage(f"u-{number}")]) for number in range(200)))
    assert all((answer.accepted, answer.duplicates) == (1, 0) for answer in answers)
    assert len(await check_log(database, project.id)) == 200
    assert len(published) < 20


async def test_the_first_of_two_concurrent_requests_wins(database: Database, project: Project, writer: Writer) -> None:
    requests = [send(writer, project.id, [usage("same", subject=f"s-{number}")]) for number in range(20)]
    answers = await asyncio.gather(*requests)
    assert [(answer.accepted, answer.duplicates) for answer in answers] == [(1, 0)] + [(0, 1)] * 19
    (fact,) = await check_log(database, project.id)
    assert fact.subject == "s-0"


async def test_projects_share_a_transaction_and_nothing_else(
    database: Database, project: Project, writer: Writer, published: list[Committed]
) -> None:
    async with database.write() as session:
        other = await create_project(session, name="other", actor="tests")
    requests = [send(writer, (project, other)[number % 2].id, [usage(f"u-{number // 2}")]) for number in range(40)]
    assert sum(answer.accepted for answer in await asyncio.gather(*requests)) == 40
    for project_id in (project.id, other.id):
        assert len(await check_log(database, project_id)) == 20
        ranges = [(c.first_seq, c.last_seq) for c in published if c.project_id == project_id]
        assert ranges[0][0] == 1
        assert ranges[-1][1] == 20


async def test_small_commits_are_published_with_their_facts(
    database: Database, project: Project, writer: Writer, published: list[Committed]
) -> None:
    await send(writer, project.id, [call("c"), usage("u", attributes={"a": [1]}), call("d")])
    await send(writer, project.id, [usage(f"u-{number}") for number in range(101)])
    small, large = published
    assert (small.first_seq, small.last_seq, large.first_seq, large.last_seq) == (1, 3, 4, 104)
    assert large.facts is None
    assert small.facts is not None
    rows = (await stored(database, project.id))[:3]
    assert [(fact.seq, fact.id, fact.time) for fact in small.facts] == [(row.seq, row.id, row.time) for row in rows]
    assert [fact.attributes for fact in small.facts if not hasattr(fact, "payload")] == [row.attributes for row in rows]


async def test_the_roll_up_job_hears_how_many_rows_came(database: Database, project: Project) -> None:
    heard: list[int] = []
    writer = Writer(database, ListPrices(), on_commit=heard.append)
    await writer.start()
    await send(writer, project.id, [usage("a"), usage("b")])
    await send(writer, project.id, [usage("a"), usage("b")])
    await writer.stop()
    assert heard == [2]


@on_every_server
async def test_old_and_new_months_are_stored(database: Database, project: Project, writer: Writer) -> None:
    times = ["2000-01-01T00:00:00Z", "2019-12-31T23:59:59.999999Z", "2020-01-01T00:00:00+00:00", "2024-02-29T12:00:00Z"]
    recorded = await send(
        writer, project.id, [usage(time=time) for time in times] + [call(time=time) for time in times]
    )
    assert recorded.accepted == 8
    assert len(await check_log(database, project.id)) == 8


async def test_a_project_without_a_counter_is_refused_alone(
    database: Database, project: Project, writer: Writer
) -> None:
    with pytest.raises(NotFound):
        await send(writer, 4711, [usage()])
    row = [4711, NOW, "x", 0, "GET", "/", 200, None, None, None, None, None, None, None, "{}"]
    gone = writer.submit(4711, [], [row])
    good = send(writer, project.id, [usage()])
    failed, stored_ = await asyncio.gather(gone, good, return_exceptions=True)
    assert isinstance(failed, NotFound)
    assert not isinstance(stored_, BaseException)
    assert stored_.accepted == 1
    assert len(await check_log(database, project.id)) == 1


async def test_a_full_queue_refuses_and_stores_nothing(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MOST_QUEUED", 10)
    writer = Writer(database, ListPrices())
    await writer.start()
    first = asyncio.create_task(send(writer, project.id, [usage(f"a-{number}") for number in range(8)]))
    await until_queued(writer, 8)
    with pytest.raises(Unavailable) as refused:
        await send(writer, project.id, [usage(f"b-{number}") for number in range(3)])
    assert refused.value.retry_after
    assert (await first).accepted == 8
    assert (await send(writer, project.id, [usage("c")])).accepted == 1
    await writer.stop()
    assert {fact.id[0] for fact in await check_log(database, project.id)} == {"a", "c"}


async def test_stopping_stores_what_waits_and_refuses_what_comes(database: Database, project: Project) -> None:
    writer = Writer(database, ListPrices())
    await writer.start()
    waiting = [asyncio.create_task(send(writer, project.id, [usage(f"u-{number}")])) for number in range(50)]
    await until_queued(writer, 50)
    await writer.stop()
    assert sum(answer.accepted for answer in await asyncio.gather(*waiting)) == 50
    with pytest.raises(Unavailable):
        await send(writer, project.id, [usage("late")])
    assert len(await check_log(database, project.id)) == 50


async def test_a_caller_that_goes_away_does_not_disturb_the_others(
    database: Database, project: Project, writer: Writer
) -> None:
    gone = asyncio.create_task(send(writer, project.id, [usage("gone")]))
    stays = asyncio.create_task(send(writer, project.id, [usage("stays")]))
    await until_queued(writer, 2)
    gone.cancel()
    assert (await stays).accepted == 1
    assert (await send(writer, project.id, [usage("next")])).accepted == 1


async def test_a_large_request_is_stored_whole(database: Database, project: Project, writer: Writer) -> None:
    events = [usage(f"u-{number}", seconds_ago=number) for number in range(10_000)]
    assert (await send(writer, project.id, events)).accepted == 10_000
    assert len(await check_log(database, project.id)) == 10_000


async def test_the_commit_time_never_goes_back(database: Database, project: Project, writer: Writer) -> None:
    await send(writer, project.id, [usage("a")])
    ahead = Writer(database, ListPrices())
    await ahead.start()
    await send(ahead, project.id, [usage("b")])
    async with database.write() as session:
        future = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10)
        await session.run(update(Commit).where(Commit.last_seq == 2).values(committed_at=future))
    await send(writer, project.id, [usage("c")])
    await send(writer, project.id, [usage("d")])
    await ahead.stop()
    await check_log(database, project.id)
