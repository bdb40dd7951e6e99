"""Live streams that many share: executed once, told to everybody who may know, and to nobody else."""

import asyncio
import datetime as dt
import random
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import delete, update

from models import Counter, Database, Project, UsageEvent
from realtime import shared
from realtime.backends import open_broadcast
from realtime.cursors import encode_cursor
from realtime.hub import Hub
from realtime.readers import CATCH_UPS
from realtime.shared import DELIVERIES, MOST_PARTS, SHARED, Progress
from resolvers.principals import Role
from resolvers.projects import create_project
from schema import streams
from schema.documents import Refused
from schema.execution import Engine
from tests.realtime.listening import until
from tests.realtime.log import LONG_AGO, NOW, activity, usage
from tests.schema.subscribing import Log, open_engine, principal_of, subscribed


async def test_who_asks_the_same_gets_the_same_bytes(engine: Engine, project: Project, log: Log) -> None:
    executed = SHARED._value.get()
    async with AsyncExitStack() as stack:
        subscribers = [
            await stack.enter_async_context(subscribed(engine, principal_of(project, key_id=n))) for n in range(20)
        ]
        assert len(shared._running) == 1
        seq = await log.add(3)
        for subscriber in subscribers:
            await subscriber.until_place(seq)
            assert subscriber.seqs == [1, 2, 3]
            assert subscriber.bodies[-1] is subscribers[0].bodies[-1]
        assert SHARED._value.get() - executed == 20
    await until(lambda: not shared._running)


async def test_twenty_five_at_once_all_receive_three_times(engine: Engine, project: Project, log: Log) -> None:
    for _ in range(3):
        async with AsyncExitStack() as stack:
            delivered = DELIVERIES._value.get()
            some = [subscribed(engine, principal_of(project, key_id=n)) for n in range(25)]
            subscribers = await asyncio.gather(*(stack.enter_async_context(each) for each in some))
            seq = await log.add(1)
            for subscriber in subscribers:
                await subscriber.until_place(seq)
                assert subscriber.seqs == [seq]
            await until(lambda before=delivered: DELIVERIES._value.get() == before + 50)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variables", "same"),
    [
        ({}, True),
        ({"after": encode_cursor(1, 0)}, True),
        ({"kinds": ["USAGE"]}, False),
        ({"filter": {"models": ["gpt-4"]}}, False),
        ({"minInterval": "PT0.01S"}, False),
    ],
)
async def test_variables_other_than_the_cursor_make_a_stream_of_its_own(
    engine: Engine, project: Project, log: Log, variables: dict[str, Any], same: bool
) -> None:
    me = principal_of(project)
    async with subscribed(engine, me) as one, subscribed(engine, me, **variables) as other:
        assert (len(shared._running) == 1) == same
        seq = await log.add(1)
        for subscriber in (one, other):
            await subscriber.until_place(seq)
        assert (one.bodies[-1] is other.bodies[-1]) == same
        assert one.seqs == other.seqs == [1]


async def test_projects_and_roles_share_nothing(
    database: Database, hub: Hub, engine: Engine, project: Project, log: Log
) -> None:
    async with database.write() as session:
        foreign = await create_project(session, name="foreign", actor="tests")
    theirs = Log(database, hub, foreign.id)
    async with (
        subscribed(engine, principal_of(project)) as reader,
        subscribed(engine, principal_of(project, role=Role.ADMIN)) as admin,
        subscribed(engine, principal_of(foreign)) as stranger,
    ):
        assert len(shared._running) == 3
        for n in range(5):
            await theirs.add([usage(foreign.id, f"secret {n}", model="secret")])
        await log.add(2)
        await reader.until_place(2)
        await admin.until_place(2)
        await stranger.until_place(5)
        assert reader.bodies[-1] is not admin.bodies[-1]
        assert reader.seqs == admin.seqs == [1, 2]
        assert not any(b"secret" in body for body in reader.bodies + admin.bodies)
        assert len(stranger.seqs) == 5
        assert all(b"secret" in body for body in stranger.bodies[1:])
        with pytest.raises(Refused, match="needs a key with role"):
            async with subscribed(engine, principal_of(project, role=Role.INGEST)):
                pass


async def test_one_cannot_join_by_the_cursor_of_another_project(
    database: Database, engine: Engine, project: Project, log: Log
) -> None:
    async with database.write() as session:
        foreign = await create_project(session, name="foreign", actor="tests")
    async with subscribed(engine, principal_of(project)):
        await log.add(2)
        with pytest.raises(Exception, match="not a cursor of this project"):
            async with subscribed(engine, principal_of(foreign), after=encode_cursor(project.id, 1)):
                pass


async def test_who_leaves_takes_nobody_along(engine: Engine, project: Project, log: Log) -> None:
    async with subscribed(engine, principal_of(project, key_id=2)) as staying:
        async with subscribed(engine, principal_of(project, key_id=1)) as leaving:
            await log.add(1)
            await leaving.until_place(1)
        seq = await log.add(1)
        await staying.until_place(seq)
        assert leaving.seqs == [1]
        assert staying.seqs == [1, 2]


async def test_what_is_shared_is_executed_for_nobody_in_particular(project: Project) -> None:
    one, other = principal_of(project, key_id=1), principal_of(project, key_id=2)
    assert one.anonymous() == other.anonymous()
    assert (one.anonymous().key_id, one.anonymous().name) == (0, "")
    assert one.anonymous() != principal_of(project, role=Role.ADMIN).anonymous()


async def test_everybody_joins_a_busy_stream_without_a_hole_or_a_repeat(
    engine: Engine, project: Project, log: Log
) -> None:
    """Some from far behind, some from now on; some stall for a while; some take the short cut when they please."""
    dice = random.Random(7)
    last = await log.add(1_500)
    done = asyncio.Event()

    async def traffic() -> int:
        for _ in range(60):
            seq = await log.add(dice.choice([1, 1, 3, 20, 150]))
            await asyncio.sleep(0)
        done.set()
        return seq

    async with AsyncExitStack() as stack:
        sending = asyncio.create_task(traffic())
        subscribers = []
        for n in range(12):
            after: dict[str, Any] = {"after": encode_cursor(project.id, dice.randrange(last))} if n % 3 else {}
            progress = Progress()
            subscriber = await stack.enter_async_context(
                subscribed(engine, principal_of(project, key_id=n), progress=progress, **after)
            )
            if n % 2:
                bodies, moods = subscriber.bodies, random.Random(n)

                def at_once(body: bytes, bodies: list[bytes] = bodies, moods: random.Random = moods) -> bool:
                    if moods.random() < 0.7:
                        bodies.append(body)
                        return True
                    return False

                progress.at_once = at_once
            if n % 4 == 0:
                subscriber.reading.clear()
            subscribers.append(subscriber)
        await done.wait()
        for subscriber in subscribers:
            subscriber.reading.set()
        last = await sending
        for subscriber in subscribers:
            await until(lambda subscriber=subscriber: subscriber.place >= last)  # type: ignore[misc]
            assert subscriber.seqs == list(range(subscriber.started + 1, last + 1))
            assert all(frame["missed"] == 0 for frame in subscriber.frames)


async def test_a_stalled_subscriber_holds_up_nobody_and_keeps_its_place(
    engine: Engine, project: Project, log: Log
) -> None:
    behind = shared.BEHIND._value.get()
    me = principal_of(project)
    async with subscribed(engine, me) as stalled, subscribed(engine, me) as quick:
        stalled.reading.clear()
        for _ in range(3 * MOST_PARTS):
            await quick.until_place(await log.add(2))
        assert len(stalled.bodies) == 2
        assert shared.BEHIND._value.get() == behind + 1
        [source] = shared._running
        assert max(listener.waiting for listener in source.users) <= MOST_PARTS
        stalled.reading.set()
        await stalled.until_place(6 * MOST_PARTS)
        seq = await log.add(1)
        await stalled.until_place(seq)
        await quick.until_place(seq)
        assert stalled.seqs == quick.seqs == list(range(1, seq + 1))
        assert stalled.bodies[-1] is quick.bodies[-1]


async def test_who_comes_in_the_midst_of_a_frame_gets_the_rest_of_it(
    engine: Engine, project: Project, log: Log
) -> None:
    me = principal_of(project)
    every: dict[str, Any] = {"minInterval": "PT1S"}
    async with subscribed(engine, me, **every) as early:
        await log.add(3)
        async with subscribed(engine, me, **every) as late:
            await log.add(2)
            await early.until_place(5)
            await late.until_place(5)
            assert late.started == 3
            assert (early.seqs, late.seqs) == ([1, 2, 3, 4, 5], [4, 5])


async def test_a_frame_without_anything_for_the_past_serves_latecomers_too(
    engine: Engine, project: Project, log: Log
) -> None:
    me = principal_of(project)
    bugs: dict[str, Any] = {"kinds": ["BUG"]}
    async with subscribed(engine, me, **bugs) as early:
        await log.add(30)
        async with subscribed(engine, me, **bugs) as late:
            read = CATCH_UPS._value.get()
            await log.add([activity(project.id, "bug")])
            await early.until_place(31)
            await late.until_place(31)
            assert CATCH_UPS._value.get() == read
            assert late.bodies[-1] is early.bodies[-1]


async def test_who_has_read_a_past_without_anything_for_it_is_told_the_place(
    engine: Engine, project: Project, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.2)
    me, wanted = principal_of(project), {"models": ["wanted"]}
    end = await log.add(1_200)
    async with subscribed(engine, me, after=encode_cursor(project.id, 0), filter=wanted) as subscriber:
        await subscriber.until_place(end)
        assert [frame["events"] for frame in subscriber.frames] == [[], []]
        await asyncio.sleep(0.5)
        assert len(subscriber.frames) == 2
        seq = await log.add([usage(project.id, "one", model="wanted")])
        await subscriber.until_place(seq)
        assert subscriber.seqs == [seq]


async def test_a_document_that_uses_the_cursor_elsewhere_keeps_its_streams_apart(
    engine: Engine, project: Project, log: Log
) -> None:
    """Else one would get what another's variable selects."""
    twice = """subscription ($after: String!) {
      activity(after: $after, filter: {subjects: [$after]}) { cursor missed events { id title } }
    }"""
    me, cursor = principal_of(project), encode_cursor(project.id, 0)
    async with subscribed(engine, me, twice, after=cursor) as one, subscribed(engine, me, twice, after=cursor) as same:
        await log.add([usage(project.id, "a", subject=cursor), usage(project.id, "b")])
        await one.until_place(1)
        await same.until_place(1)
        async with subscribed(engine, me, twice, after=encode_cursor(project.id, 1)) as other:
            seq = await log.add([usage(project.id, "c", subject=cursor)])
            await one.until_place(seq)
            assert (one.seqs, same.seqs, other.seqs) == ([1, 3], [1, 3], [])


@pytest.mark.parametrize("kinds", [None, ["BUG"]])
async def test_what_retention_took_is_counted_before_filters(
    database: Database, engine: Engine, project: Project, log: Log, kinds: list[str] | None
) -> None:
    await log.add([usage(project.id, f"old {n}", LONG_AGO) for n in range(7)])
    await log.add([usage(project.id, "kept"), activity(project.id, "kept")])
    async with database.write() as session:
        await session.run(update(Counter).values(floor=NOW - dt.timedelta(days=30)))
        await session.run(delete(UsageEvent).where(UsageEvent.time == LONG_AGO))
    me, start = principal_of(project), encode_cursor(project.id, 2)
    async with subscribed(engine, me, after=start, kinds=kinds) as subscriber, subscribed(engine, me, kinds=kinds):
        seq = await log.add([activity(project.id, "new")])
        await subscriber.until_place(seq)
        assert sum(frame["missed"] for frame in subscriber.frames) == 5
        assert subscriber.seqs == ([9, 10] if kinds else [8, 9, 10])


async def test_variables_that_nobody_could_write_again_share_nothing(
    engine: Engine, project: Project, log: Log
) -> None:
    nested: list[Any] = []
    for _ in range(500):
        nested = [nested]
    async with (
        subscribed(engine, principal_of(project), unused=nested) as one,
        subscribed(engine, principal_of(project), unused=nested) as other,
    ):
        assert len(shared._running) == 2
        seq = await log.add(1)
        await one.until_place(seq)
        await other.until_place(seq)


async def test_streams_of_a_hub_that_stops_end_and_leave_no_task(database: Database, project: Project) -> None:
    before = asyncio.all_tasks()
    async with Hub(database, open_broadcast(None)) as hub:
        engine = open_engine(database, hub)
        stack = AsyncExitStack()
        await stack.enter_async_context(subscribed(engine, principal_of(project)))
    await stack.aclose()
    await until(lambda: asyncio.all_tasks() <= before)
