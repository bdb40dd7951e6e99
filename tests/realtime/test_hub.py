"""How commits become streams: nudges that come, come late, come twice, or never."""

import asyncio
from typing import Any

import pytest
from broadcaster import Broadcast, BroadcastBackend, Event
from structlog.testing import capture_logs

from models import Activity, Database, ReadSession
from realtime import hub as hubs
from realtime import replay
from realtime.facts import ActivityFact, Committed, Span
from realtime.hub import NUDGE_FACTS, Hub
from realtime.tails import GAPS_READ
from tests.realtime.listening import listening, until
from tests.realtime.log import NOW, commit, usage, usages


class Stuck(BroadcastBackend):
    """Carries nothing: publishing waits for ever."""

    def __init__(self) -> None:
        self.asked: list[Committed] = []

    async def connect(self) -> None:
        pass

    async def disconnect(self) -> None:
        pass

    async def subscribe(self, group: str) -> None:
        pass

    async def unsubscribe(self, group: str) -> None:
        pass

    async def publish(self, channel: str, message: Any) -> None:
        self.asked.append(message)
        await asyncio.Event().wait()

    async def next_published(self) -> Event:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
def _no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "POLL_SECONDS", 3600)


@pytest.mark.usefixtures("_no_poll")
async def test_early_nudges_wait_for_the_one_before_them(database: Database, hub: Hub, project_id: int) -> None:
    async with listening(hub, project_id) as listener:
        commits = [await commit(database, usages(project_id, 3, f"batch {n}")) for n in range(4)]
        reads = GAPS_READ._value.get()
        with hub.following(project_id) as tail:
            for early in (3, 1, 2, 0):
                tail.hear(commits[early])
            assert tail.seq == 12
        await listener.until(12)
        assert GAPS_READ._value.get() == reads
    assert listener.seqs == list(range(1, 13))


@pytest.mark.usefixtures("_no_poll")
async def test_a_gap_that_no_nudge_fills_is_read_from_the_tables(database: Database, hub: Hub, project_id: int) -> None:
    async with listening(hub, project_id) as listener:
        await commit(database, usages(project_id, 700, "lost"))
        hub.publish(await commit(database, [usage(project_id, "heard")]))
        await listener.until(701)
        hub.publish(await commit(database, [usage(project_id, "after")]))
        await listener.until(702)
    assert listener.seqs == list(range(1, 703))


@pytest.mark.usefixtures("_no_poll")
async def test_nudges_that_come_twice_or_overlap_are_heard_once(database: Database, hub: Hub, project_id: int) -> None:
    async with listening(hub, project_id) as listener:
        first, second = [await commit(database, usages(project_id, 3, f"batch {n}")) for n in range(2)]
        assert first.facts is not None
        assert second.facts is not None
        both = Committed(project_id, 1, 6, first.committed_at, [*first.facts, *second.facts])
        with hub.following(project_id) as tail:
            for nudge in (first, first, both, second, first):
                tail.hear(nudge)
        await listener.until(6)
    assert listener.seqs == [1, 2, 3, 4, 5, 6]


async def test_a_lost_nudge_costs_a_second_at_most(database: Database, hub: Hub, project_id: int) -> None:
    async with listening(hub, project_id) as listener, asyncio.timeout(3):
        await commit(database, usages(project_id, 5))
        await listener.until(5)
    assert listener.seqs == [1, 2, 3, 4, 5]


async def test_a_nudge_of_more_than_there_is_harms_nobody(database: Database, hub: Hub, project_id: int) -> None:
    with hub.following(project_id) as tail:
        tail.hear(Committed(project_id, 1, 1_000_000, NOW))
        assert tail.seq == 0
    async with listening(hub, project_id) as listener:
        hub.publish(Committed(project_id, 1, 1_000_000, NOW))
        hub.publish(await commit(database, usages(project_id, 5)))
        await listener.until(5)
        with hub.following(project_id) as tail:
            await until(lambda: not tail.is_behind)
        hub.publish(await commit(database, usages(project_id, 5, "more")))
        await listener.until(10)
    assert listener.seqs == list(range(1, 11))


async def test_announced_activities_reach_streams(database: Database, hub: Hub, project_id: int) -> None:
    database.published = hub.publish_activities
    async with listening(hub, project_id) as listener:
        async with database.write() as session:
            session.announce(
                Activity(
                    project_id=project_id,
                    time=NOW,
                    id="1",
                    kind="deployment",
                    name="deployment.recorded",
                    title="v1.2",
                    subject=None,
                    severity=None,
                    node_type=None,
                    node_key=None,
                    payload={},
                )
            )
        await listener.until(1)
    [fact] = listener.frames[-1].facts
    assert isinstance(fact, ActivityFact)
    assert (fact.seq, fact.time, fact.kind, fact.title) == (1, NOW, "deployment", "v1.2")


async def test_publishing_never_waits_and_what_waits_travels_as_one(database: Database, project_id: int) -> None:
    stuck = Stuck()
    async with Hub(database, Broadcast(backend=stuck)) as hub:
        commits = [await commit(database, usages(project_id, 10, f"batch {n}")) for n in range(12)]
        hub.publish(commits[0])
        await until(lambda: len(stuck.asked) == 1)
        for committed in commits[1:5]:
            hub.publish(committed)
        [waiting] = hub.waiting
        assert (waiting.first_seq, waiting.last_seq) == (11, 50)
        assert waiting.facts is not None
        assert [fact.seq for fact in waiting.facts] == list(range(11, 51))
        for committed in commits[5:]:
            hub.publish(committed)
        [waiting] = hub.waiting
        assert (waiting.first_seq, waiting.last_seq, waiting.facts) == (11, 120, None)


async def test_many_facts_are_announced_without_them(database: Database, project_id: int) -> None:
    async with Hub(database, Broadcast(backend=Stuck())) as hub:
        hub.publish(await commit(database, usages(project_id, NUDGE_FACTS + 1)))
        [waiting] = hub.waiting
        assert (waiting.first_seq, waiting.last_seq, waiting.facts) == (1, NUDGE_FACTS + 1, None)


async def test_streams_outlive_the_absence_of_their_database(
    database: Database, hub: Hub, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_span, failures = replay.read_span, iter([OSError("gone"), ConnectionError("away"), RuntimeError("broken")])

    async def read_unless_away(session: ReadSession, **place: Any) -> Span:
        for failure in failures:
            raise failure
        return await read_span(session, **place)

    monkeypatch.setattr(replay, "read_span", read_unless_away)
    await commit(database, usages(project_id, 600))
    async with listening(hub, project_id, after=0) as behind, listening(hub, project_id) as live:
        hub.publish(await commit(database, usages(project_id, 600, "more")))
        await behind.until(1_200)
        await live.until(1_200)
    assert behind.seqs == list(range(1, 1_201))
    assert live.seqs == list(range(601, 1_201))
    assert next(failures, None) is None


async def test_an_outage_of_the_database_is_logged_once(
    database: Database, hub: Hub, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_seqs, failures = replay.last_seqs, [ConnectionError("away")] * 3

    async def read_unless_away(session: ReadSession, **which: Any) -> dict[int, int]:
        if failures:
            raise failures.pop()
        return await last_seqs(session, **which)

    monkeypatch.setattr(replay, "last_seqs", read_unless_away)
    monkeypatch.setattr(hubs, "POLL_SECONDS", 0.02)
    with capture_logs() as logged:
        async with listening(hub, project_id) as live:
            await commit(database, usages(project_id, 1))  # of which no nudge tells
            await live.until(1)
    assert [line["error"] for line in logged] == ["ConnectionError('away')"]
    assert not logged[0]["exc_info"]
