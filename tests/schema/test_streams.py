"""Live streams that many share: executed once, told to everybody who may know, and to nobody else."""

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from models import Database, Project
from realtime import shared
from realtime.backends import open_broadcast
from realtime.cursors import encode_cursor
from realtime.facts import Fact
from realtime.hub import Hub
from realtime.readers import CATCH_UPS
from realtime.shared import DELIVERIES, MOST_PARTS, SHARED, Progress
from resolvers.principals import Role
from resolvers.projects import create_project
from schema.documents import Refused
from schema.execution import Engine
from tests.realtime.listening import until
from tests.realtime.log import LONG_AGO, NOW, activity, api_call, commit, make_months, usage, usages
from tests.schema.subscribing import open_engine, principal_of, subscribed

GAUGE = 'subscription { liveMetrics(window: "PT1H", every: "PT1S") { time usage { requestsPerSecond } } }'


@pytest.fixture
async def hub(database: Database, project: Project) -> AsyncIterator[Hub]:
    await make_months(database, NOW, LONG_AGO)
    async with Hub(database, open_broadcast(None)) as hub:
        yield hub


@pytest.fixture
def engine(database: Database, hub: Hub) -> Engine:
    return open_engine(database, hub)


class Log:
    """Commits and publishes."""

    def __init__(self, database: Database, hub: Hub, project_id: int) -> None:
        self._database, self._hub, self._project_id = database, hub, project_id
        self._commits = 0

    async def add(self, facts: list[Fact] | int) -> int:
        """Answers the last number."""
        self._commits += 1
        some = usages(self._project_id, facts, f"batch {self._commits}") if isinstance(facts, int) else facts
        committed = await commit(self._database, some)
        self._hub.publish(committed)
        return committed.last_seq


@pytest.fixture
def log(database: Database, hub: Hub, project: Project) -> Log:
    return Log(database, hub, project.id)


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


async def test_an_interval_joins_frames_and_leaves_nothing_out(engine: Engine, project: Project, log: Log) -> None:
    async with subscribed(engine, principal_of(project), minInterval="PT0.5S") as subscriber:
        for _ in range(20):
            await log.add(60)
        await subscriber.until_place(1_200)
        assert subscriber.seqs == list(range(1, 1_201))
        assert 3 <= len(subscriber.bodies) - 1 <= 6
        assert max(len(frame["events"]) for frame in subscriber.frames) <= 500


@pytest.mark.parametrize("interval", ["PT2M", "P1D"])
async def test_an_interval_of_more_than_a_minute_is_refused(engine: Engine, project: Project, interval: str) -> None:
    with pytest.raises(Exception, match="between PT0S and PT1M"):
        async with subscribed(engine, principal_of(project), minInterval=interval):
            pass


@pytest.mark.parametrize(
    ("asked", "seqs"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"subjects": ["node-1"]}, [1, 4, 5]),
        ({"models": ["gpt-4", "o3"]}, [1, 2]),
        ({"providers": ["other"]}, [2]),
        ({"routes": ["/pay"]}, [3]),
        ({"severities": ["MEDIUM", "CRITICAL"]}, [2, 3, 5]),
        ({"severities": ["MEDIUM"], "models": ["o3"]}, [2]),
        ({"models": ["gpt-4"], "routes": ["/pay"]}, []),
        ({"subjects": []}, [1, 2, 3, 4, 5]),
    ],
)
@pytest.mark.parametrize("live", [True, False])
async def test_a_filter_picks_by_every_dimension(
    engine: Engine, project: Project, log: Log, asked: dict[str, list[str]], seqs: list[int], live: bool
) -> None:
    facts: list[Fact] = [
        usage(project.id, "a"),
        usage(project.id, "b", model="o3", provider="other", subject=None, status="error"),
        api_call(project.id, "c", route="/pay", status=503),
        activity(project.id, "d", severity="low"),
        activity(project.id, "e", severity="critical"),
    ]
    if not live:
        await log.add(facts)
    start = encode_cursor(project.id, 0)
    async with subscribed(engine, principal_of(project), after=start, filter=asked) as subscriber:
        if live:
            await log.add(facts)
        await subscriber.until(lambda: len(subscriber.seqs) >= len(seqs))
        await asyncio.sleep(0.05)
        assert subscriber.seqs == seqs


async def test_a_gauge_is_measured_once_for_all_and_latecomers_get_the_newest_value(
    engine: Engine, project: Project
) -> None:
    me = principal_of(project)
    async with subscribed(engine, me, GAUGE) as early:
        async with subscribed(engine, principal_of(project, key_id=2), GAUGE) as late:
            assert late.bodies[0] is early.bodies[-1]
            await early.until(lambda: len(early.bodies) >= 2)
            await late.until(lambda: len(late.bodies) >= 2)
            assert late.bodies[1] is early.bodies[1]
        assert len(shared._running) == 1
    await until(lambda: not shared._running)


async def test_a_stalled_client_of_a_gauge_gets_the_newest_value_alone(engine: Engine, project: Project) -> None:
    me = principal_of(project)
    async with subscribed(engine, me, GAUGE) as stalled, subscribed(engine, me, GAUGE) as quick:
        stalled.reading.clear()
        await quick.until(lambda: len(quick.bodies) >= 4)
        stalled.reading.set()
        newest = quick.bodies[-1]
        await stalled.until(lambda: stalled.bodies[-1] is newest)
        assert len(stalled.bodies) <= 3


async def test_a_gauge_may_be_filtered(engine: Engine, project: Project, log: Log) -> None:
    filtered = GAUGE.replace('"PT1S"', '"PT1S", filter: {models: ["nobody\'s"]}')
    await log.add([usage(project.id, "now", dt.datetime.now(dt.UTC))])
    async with (
        subscribed(engine, principal_of(project), GAUGE) as all_,
        subscribed(engine, principal_of(project), filtered) as some,
    ):
        assert b'"requestsPerSecond":0.0}' not in all_.bodies[0]
        assert b'"requestsPerSecond":0.0}' in some.bodies[0]


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


async def test_streams_of_a_hub_that_stops_end_and_leave_no_task(database: Database, project: Project) -> None:
    before = asyncio.all_tasks()
    async with Hub(database, open_broadcast(None)) as hub:
        engine = open_engine(database, hub)
        stack = AsyncExitStack()
        await stack.enter_async_context(subscribed(engine, principal_of(project)))
    await stack.aclose()
    await until(lambda: asyncio.all_tasks() <= before)
