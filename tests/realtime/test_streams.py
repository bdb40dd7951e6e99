"""What one subscriber gets."""

import asyncio
from collections.abc import Sequence

import pytest

from models import Database
from realtime import mailboxes, readers, streams
from realtime.backends import open_broadcast
from realtime.cursors import BadCursor
from realtime.facts import ActivityFact, Fact
from realtime.hub import Hub
from realtime.streams import frames
from tests.realtime.listening import everything, listening, until
from tests.realtime.log import activity, commit, usage, usages


async def add(database: Database, hub: Hub, facts: Sequence[Fact]) -> int:
    """Commits and publishes; answers the last number."""
    committed = await commit(database, facts)
    hub.publish(committed)
    return committed.last_seq


async def test_a_stream_starts_empty_at_the_end_of_the_log(database: Database, hub: Hub, project_id: int) -> None:
    await commit(database, usages(project_id, 7))
    async with listening(hub, project_id) as listener:
        assert listener.started == 7
        await listener.until(await add(database, hub, [usage(project_id, "next")]))
    assert listener.seqs == [8]


async def test_a_stream_resumes_behind_a_cursor_and_goes_on_live(database: Database, hub: Hub, project_id: int) -> None:
    await commit(database, usages(project_id, 1_700))
    async with listening(hub, project_id, after=40) as listener:
        assert listener.started == 40
        await listener.until(1_700)
        await listener.until(await add(database, hub, [usage(project_id, "live")]))
    assert listener.seqs == list(range(41, 1_702))
    assert listener.missed == 0


async def test_facts_arrive_whole(database: Database, hub: Hub, project_id: int) -> None:
    async with listening(hub, project_id) as listener:
        committed = await commit(database, [usage(project_id, "a"), activity(project_id, "b")])
        hub.publish(committed)
        await listener.until(2)
    assert [fact for frame in listener.frames for fact in frame.facts] == committed.facts


async def test_a_place_beyond_the_log_is_refused(database: Database, hub: Hub, project_id: int) -> None:
    await commit(database, usages(project_id, 2))
    stream = frames(hub, project_id, after=3, wants=everything)
    with pytest.raises(BadCursor):
        await anext(stream)


async def test_projects_do_not_hear_each_other(database: Database, hub: Hub, project_id: int) -> None:
    async with listening(hub, project_id + 1) as stranger, listening(hub, project_id) as listener:
        await listener.until(await add(database, hub, [usage(project_id, "a")]))
    assert listener.seqs == [1]
    assert len(stranger.frames) == 1


async def test_a_filter_picks_facts(database: Database, hub: Hub, project_id: int) -> None:
    def is_activity(fact: Fact) -> bool:
        return isinstance(fact, ActivityFact)

    await commit(database, [*usages(project_id, 600), activity(project_id, "old")])
    async with listening(hub, project_id, after=0, wants=is_activity) as listener:
        await listener.until(601)
        await add(database, hub, [*usages(project_id, 3, "more"), activity(project_id, "new")])
        await listener.until(605)
    assert listener.seqs == [601, 605]
    assert listener.missed == 0


async def test_what_waits_travels_together(database: Database, hub: Hub, project_id: int) -> None:
    async with listening(hub, project_id) as listener:
        listener.reading.clear()
        await listener.until(await add(database, hub, [usage(project_id, "first")]))
        for n in range(30):
            await add(database, hub, usages(project_id, 20, f"batch {n}"))
        with hub.following(project_id) as tail:
            await until(lambda: tail.seq == 601)
        listener.reading.set()
        await listener.until(601)
    assert [len(frame.facts) for frame in listener.frames] == [0, 1, 500, 100]


async def test_a_slow_subscriber_overflows_catches_up_and_joins_again(
    database: Database, hub: Hub, project_id: int
) -> None:
    overflows, catch_ups = mailboxes.OVERFLOWS._value.get(), readers.CATCH_UPS._value.get()
    async with listening(hub, project_id) as slow, listening(hub, project_id) as fast:
        slow.reading.clear()
        for n in range(20):
            await fast.until(await add(database, hub, usages(project_id, 100, f"batch {n}")))
        assert slow.cursor <= 100
        slow.reading.set()
        for n in range(20, 30):
            await fast.until(await add(database, hub, usages(project_id, 100, f"batch {n}")))
        await slow.until(3_000)
        before = readers.CATCH_UPS._value.get()
        await slow.until(await add(database, hub, [usage(project_id, "live again")]))
        assert readers.CATCH_UPS._value.get() == before
    assert slow.seqs == fast.seqs == list(range(1, 3_002))
    assert mailboxes.OVERFLOWS._value.get() > overflows
    assert before > catch_ups


async def test_a_bulk_commit_is_read_once_for_all_at_the_pace_of_the_fastest(
    database: Database, hub: Hub, project_id: int
) -> None:
    async with listening(hub, project_id) as one, listening(hub, project_id) as two:
        catch_ups = readers.CATCH_UPS._value.get()
        seq = await add(database, hub, usages(project_id, 4_000))
        await one.until(seq)
        await two.until(seq)
        assert readers.CATCH_UPS._value.get() == catch_ups
    assert one.seqs == two.seqs == list(range(1, 4_001))


async def test_a_quiet_stream_tells_its_place_only_when_it_moved(
    database: Database, hub: Hub, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.1)
    async with (
        listening(hub, project_id, wants=lambda _: False) as filtered,
        listening(hub, project_id, wants=lambda _: False) as untouched,
    ):
        await filtered.until(await add(database, hub, usages(project_id, 3)))
        await untouched.until(3)
        assert [frame.cursor_seq for frame in filtered.frames] == [0, 3]
        await filtered.until(await add(database, hub, usages(project_id, 2, "more")))
    assert [(frame.cursor_seq, frame.facts) for frame in filtered.frames] == [(0, []), (3, []), (5, [])]


async def test_closing_a_stream_leaves_no_task_behind(database: Database, hub: Hub, project_id: int) -> None:
    before = asyncio.all_tasks()
    stream = frames(hub, project_id, after=None, wants=everything)
    await anext(stream)
    waiting = asyncio.create_task(anext(stream))
    await until(lambda: len(asyncio.all_tasks() - before) == 4)  # the waiting one, the tail's, and its two
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await stream.aclose()
    await until(lambda: asyncio.all_tasks() <= before)


async def test_streams_end_when_the_hub_stops_and_no_task_is_left(database: Database, project_id: int) -> None:
    before = asyncio.all_tasks()
    async with Hub(database, open_broadcast(None)) as hub:
        stream = frames(hub, project_id, after=None, wants=everything)
        await anext(stream)
        waiting = asyncio.create_task(anext(stream, None))
        await asyncio.sleep(0)
    assert await waiting is None
    assert asyncio.all_tasks() <= before
