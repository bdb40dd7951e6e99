"""What subscriptions may ask of a stream: filters, intervals, gauges."""

import asyncio
import datetime as dt

import pytest

from models import Project
from realtime import shared
from realtime.cursors import encode_cursor
from realtime.facts import Fact
from schema.execution import Engine
from tests.realtime.listening import until
from tests.realtime.log import activity, api_call, usage
from tests.schema.subscribing import GAUGE, Log, principal_of, subscribed


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
            assert late.bodies[0] == early.bodies[-1]
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
