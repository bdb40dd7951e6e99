"""Evaluation: planted incidents fire in time and end, whatever happens to the process meanwhile."""

import asyncio
import datetime as dt
from dataclasses import replace

from sqlalchemy import Engine as Server
from sqlalchemy import event, select, update

from models import AlertClock, AlertEvaluation, Database, Project, RuleState
from resolvers.alerts.engine import Engine
from resolvers.alerts.samples import store_samples
from resolvers.metrics.filters import MetricsFilter
from resolvers.projects import create_project
from tests.realtime.log import api_call
from tests.resolvers.alerts.watching import ERRORS, MINUTE, PACE, START, STEP, Lookout, calls

INCIDENT = (START + 10 * MINUTE, START + 16 * MINUTE)


async def test_an_incident_fires_when_it_crosses_and_resolves_after(lookout: Lookout) -> None:
    rule = await lookout.rule()
    await lookout.channel()
    await lookout.traffic(calls(lookout.project_id, START, 40 * MINUTE, failing=INCIDENT))
    await lookout.run(40 * MINUTE)

    (alert,) = await lookout.alerts()
    # 16 of 300 calls are more than 5 %: the first moment after the sixteenth.
    assert alert.started_at == alert.fired_at == INCIDENT[0] + dt.timedelta(seconds=30)
    assert alert.rule_id == rule.id
    assert alert.resolved_at is not None
    assert INCIDENT[1] + 4 * MINUTE < alert.resolved_at <= INCIDENT[1] + 5 * MINUTE
    assert await lookout.steps(alert) == ["firing", "resolved"]
    assert await lookout.sent() == ["firing", "resolved"]
    assert alert.peak_value == 1.0


async def clock_of(lookout: Lookout) -> AlertClock:
    async with lookout.database.read() as session:
        clock = await session.scalar(select(AlertClock).where(AlertClock.project_id == lookout.project_id))
    assert clock is not None
    return clock


async def test_the_first_moment_is_the_next_of_the_clock(lookout: Lookout) -> None:
    lookout.now = START + dt.timedelta(seconds=7)
    await lookout.begin()
    await lookout.engine.step(START + STEP + PACE.settle)

    clock = await clock_of(lookout)
    assert (clock.evaluated_until, clock.claimed_until) == (START + STEP, None)


async def test_seeded_rules_come_with_a_project_and_watch_it(database: Database, project: Project) -> None:
    lookout = Lookout(database, project.id)
    await lookout.begin(seeded=True)
    await lookout.traffic(calls(project.id, START, 30 * MINUTE, failing=INCIDENT, duration_ms=20.0))
    await lookout.run(30 * MINUTE)

    fired = {alert.rule_id: alert for alert in await lookout.alerts()}
    assert len(fired) == 2
    assert {alert.state for alert in fired.values()} == {"resolved"}
    assert sorted(alert.severity for alert in fired.values()) == ["critical", "high"]


async def test_a_pending_alert_fires_in_time_after_a_restart(lookout: Lookout) -> None:
    await lookout.rule(hold=3 * MINUTE)
    await lookout.traffic(calls(lookout.project_id, START, 30 * MINUTE, failing=INCIDENT))
    await lookout.run(12 * MINUTE)
    lookout.engine = Engine(lookout.database, PACE)
    lookout.now += 3 * MINUTE  # nobody evaluates meanwhile: what was missed is made up for
    await lookout.run(MINUTE)

    (alert,) = await lookout.alerts()
    assert await lookout.steps(alert) == ["pending", "firing"]
    assert alert.fired_at == alert.started_at + 3 * MINUTE


async def test_of_two_processes_one_evaluates(lookout: Lookout) -> None:
    await lookout.rule()
    await lookout.channel()
    await lookout.traffic(calls(lookout.project_id, START, 13 * MINUTE, failing=INCIDENT))
    others = [Engine(lookout.database, PACE) for _ in range(3)]
    while lookout.now < START + 13 * MINUTE:
        lookout.now += STEP
        await asyncio.gather(*(engine.step(lookout.now + PACE.settle) for engine in others))

    assert len(await lookout.alerts()) == 1
    assert await lookout.sent() == ["firing"]
    assert (await clock_of(lookout)).evaluated_until == START + 13 * MINUTE


async def test_who_dies_while_evaluating_is_replaced(lookout: Lookout) -> None:
    await lookout.rule()
    async with lookout.database.write() as session:
        await session.run(update(AlertClock).values(claimed_until=START + MINUTE))
    await lookout.run(2 * MINUTE)

    assert (await clock_of(lookout)).evaluated_until == START + 2 * MINUTE


async def test_evaluations_are_kept_when_they_are_news_and_while_an_alert_is_open(lookout: Lookout) -> None:
    await lookout.rule(window=MINUTE)
    await lookout.traffic(calls(lookout.project_id, START, 20 * MINUTE, failing=(START + MINUTE, START + 2 * MINUTE)))
    await lookout.run(20 * MINUTE)

    (alert,) = await lookout.alerts()
    async with lookout.database.read() as session:
        kept = await session.scalars(select(AlertEvaluation).order_by(AlertEvaluation.time))
    assert alert.resolved_at is not None
    assert [row.time for row in kept] == PACE.instants(alert.started_at, alert.resolved_at + STEP)
    assert {row.alert_id for row in kept} == {alert.id}
    assert [row.outcome for row in kept][-1] == "ok"


async def test_more_rules_take_no_more_statements(lookout: Lookout) -> None:
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    taken = []
    for subjects in (range(2), range(2, 40)):
        for number in subjects:
            kept = MetricsFilter(subjects=(f"subject {number}",))
            await lookout.rule(name=f"Errors of {number}", filter=kept, window=MINUTE)
        await lookout.run(STEP)  # remembers the rules anew
        heard = [f"subject {number}" for number in subjects[::2]]
        await lookout.traffic([api_call(lookout.project_id, name, lookout.now, subject=name) for name in heard])
        statements = 0
        event.listen(Server, "before_cursor_execute", count)
        await lookout.run(STEP)
        event.remove(Server, "before_cursor_execute", count)
        taken.append(statements)
    assert taken[1] == taken[0]


async def test_sampled_figures_are_counted_or_the_highest(lookout: Lookout) -> None:
    await lookout.rule(replace(ERRORS, name="sockets", metric="sockets", threshold=10, window=MINUTE))
    await lookout.rule(replace(ERRORS, name="keys", metric="auth_failures", threshold=10, window=MINUTE))
    async with lookout.database.write() as session:
        for process, sockets in (("a", 6), ("b", 5)):
            samples = {(lookout.project_id, "sockets"): sockets, (lookout.project_id, "auth_failures"): 3.0}
            await store_samples(session, samples, time=START + MINUTE, process=process)
        nobody = {(0, "auth_failures"): 5.0}
        await store_samples(session, nobody, time=START + MINUTE + STEP, process="a")
        await store_samples(session, nobody, time=START + MINUTE + STEP, process="a")
    await lookout.run(4 * MINUTE)

    alerts = await lookout.alerts()
    assert [(alert.value, alert.state) for alert in alerts] == [(11.0, "resolved"), (11.0, "resolved")]
    assert [alert.fired_at for alert in alerts] == [START + MINUTE, START + MINUTE + STEP]


async def test_a_project_that_fails_holds_no_other_up(lookout: Lookout) -> None:
    rule = await lookout.rule()
    async with lookout.database.write() as session:
        other = await create_project(session, name="other", actor="tests")
        await session.run(update(AlertClock).where(AlertClock.project_id == other.id).values(evaluated_until=START))
        unreadable = {"phase": "firing"}
        session.add(
            RuleState(
                project_id=lookout.project_id, rule_id=rule.id, instance="", state="ok", reason="", memory=unreadable
            )
        )
    await lookout.run(MINUTE)

    async with lookout.database.read() as session:
        clocks = await session.rows(select(AlertClock.project_id, AlertClock.evaluated_until))
    assert dict(clocks) == {lookout.project_id: START, other.id: START + MINUTE}
