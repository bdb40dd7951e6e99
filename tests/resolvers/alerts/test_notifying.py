"""Who is told what, and what keeps alerts quiet."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from models import Activity, AlertRule, AlertSuppression, Channel
from models.components import Component, ComponentSpell
from resolvers.alerts.closing import acknowledge_alert, resolve_alert
from resolvers.alerts.definitions import Rule
from resolvers.alerts.rules import delete_rule
from resolvers.alerts.silences import MAINTENANCE, SILENCE, Quiet, add_silence, tell_of_expired
from resolvers.errors import Conflict
from tests.resolvers.alerts.watching import ERRORS, MINUTE, PACE, START, STEP, Lookout, calls

OWN = 100
"""The numbers up to here are for components that every project has."""
INCIDENT = (START + 2 * MINUTE, START + 8 * MINUTE)
SHORT = replace(ERRORS, window=MINUTE)
DOWN = Rule(
    name="Down", metric="components_down", comparison="greater", threshold=0, window=MINUTE, severity="critical"
)


async def incident(lookout: Lookout, *failing: tuple[dt.datetime, dt.datetime]) -> None:
    end = START
    for span in failing or (INCIDENT,):
        await lookout.traffic(calls(lookout.project_id, end, span[1] + 2 * MINUTE - end, failing=span))
        end = span[1] + 2 * MINUTE


async def quiet(lookout: Lookout, matcher: str, start: dt.datetime, end: dt.datetime, kind: str = SILENCE) -> None:
    async with lookout.database.write() as session:
        await add_silence(
            session,
            project_id=lookout.project_id,
            author="ana",
            quiet=Quiet(kind=kind, matcher=matcher, starts_at=start, ends_at=end, reason="we know"),
            now=lookout.now,
        )


async def suppressions(lookout: Lookout) -> set[str]:
    async with lookout.database.read() as session:
        return set(await session.scalars(select(AlertSuppression.kind)))


@pytest.mark.parametrize("kind", [SILENCE, MAINTENANCE])
async def test_a_silenced_alert_is_told_of_neither_when_it_fires_nor_when_it_ends(lookout: Lookout, kind: str) -> None:
    await lookout.rule(SHORT)
    await lookout.channel()
    await quiet(lookout, '{rule="Errors"}', START, START + 60 * MINUTE, kind)
    await incident(lookout)
    await lookout.run(12 * MINUTE)

    assert [alert.state for alert in await lookout.alerts()] == ["resolved"]
    assert await lookout.sent() == []
    assert await suppressions(lookout) == {kind}


async def test_the_end_is_told_under_a_silence_of_what_was_told_before(lookout: Lookout) -> None:
    await lookout.rule(SHORT)
    channel = await lookout.channel()
    await incident(lookout)
    await lookout.run(4 * MINUTE)
    await quiet(lookout, '{severity="high"}', lookout.now, START + 60 * MINUTE)
    await lookout.run(8 * MINUTE)

    assert [(one.kind, one.channel_id) for one in await lookout.deliveries()] == [
        ("firing", channel),
        ("resolved", channel),
    ]


async def test_what_still_fires_when_its_silence_ends_is_told_then(lookout: Lookout) -> None:
    await lookout.rule(SHORT)
    await lookout.channel()
    await quiet(lookout, '{rule="Errors"}', START, START + 5 * MINUTE)
    await incident(lookout)
    await lookout.run(12 * MINUTE)

    firing, resolved = await lookout.deliveries()
    assert (firing.kind, resolved.kind) == ("firing", "resolved")
    assert START + 5 * MINUTE <= firing.created_at <= START + 5 * MINUTE + STEP + PACE.settle


async def test_the_author_of_a_silence_is_told_of_its_end_once(lookout: Lookout) -> None:
    await lookout.channel()
    await quiet(lookout, '{rule="Errors"}', START, START + MINUTE)
    for minutes in (0.5, 2, 3):
        await tell_of_expired(lookout.database, now=START + minutes * MINUTE)

    async with lookout.database.read() as session:
        told = await session.scalars(select(Activity).where(Activity.kind == "alert"))
    assert [(one.name, one.subject) for one in told] == [("alert.silence_expired", "ana")]
    assert await lookout.sent() == ["silence_expired"]


async def test_channels_hear_of_what_is_severe_enough(lookout: Lookout) -> None:
    low, _, sms = (
        await lookout.channel("low"),
        await lookout.channel("critical", minimum="critical"),
        await lookout.channel("sms", kind="sms"),
    )
    await lookout.rule(SHORT)
    await lookout.rule(replace(SHORT, name="Critical", severity="critical"), channel_ids=(low, sms))
    await lookout.rule(replace(SHORT, name="Nobody"), channel_ids=())
    await incident(lookout)
    await lookout.run(4 * MINUTE)

    told = {(one.payload["rule"]["name"], one.channel_id) for one in await lookout.deliveries()}
    assert told == {("Errors", low), ("Critical", low), ("Critical", sms)}


async def test_the_end_goes_to_those_who_were_told_and_not_to_a_new_channel(lookout: Lookout) -> None:
    first = await lookout.channel()
    await lookout.rule(SHORT)
    await incident(lookout)
    await lookout.run(4 * MINUTE)
    await lookout.channel("late")
    async with lookout.database.write() as session:
        await session.run(update(Channel).where(Channel.id == first).values(minimum_severity="critical"))
    await lookout.run(8 * MINUTE)

    assert [(one.kind, one.channel_id) for one in await lookout.deliveries()] == [
        ("firing", first),
        ("resolved", first),
    ]


async def test_a_payload_explains_the_alert(lookout: Lookout) -> None:
    await lookout.channel()
    await lookout.rule(SHORT, runbook_url="https://runbooks.test/errors")
    await incident(lookout)
    await lookout.run(12 * MINUTE)

    firing, resolved = (one.payload for one in await lookout.deliveries())
    (alert,) = firing["alerts"]
    assert firing["title"] == "Firing: Errors"
    assert firing["rule"]["runbookUrl"] == "https://runbooks.test/errors"
    assert (alert["state"], alert["severity"], alert["threshold"]) == ("FIRING", "HIGH", 0.05)
    assert [step["to"] for step in alert["explanation"]["transitions"]] == ["FIRING"]
    assert alert["explanation"]["evaluations"][-1]["breached"] is True
    assert "error rate of API calls" in alert["explanation"]["transitions"][0]["reason"]
    assert resolved["alerts"][0]["state"] == "RESOLVED"
    assert resolved["alerts"][0]["id"] == alert["id"]


async def test_reminders_stop_when_somebody_acknowledges(lookout: Lookout) -> None:
    await lookout.channel()
    await lookout.rule(SHORT, renotify_every=MINUTE)
    await incident(lookout)
    await lookout.run(5 * MINUTE)
    before = await lookout.sent()
    (alert,) = await lookout.alerts()
    async with lookout.database.write() as session:
        await acknowledge_alert(
            session, project_id=lookout.project_id, number=alert.id, actor="ana", note="on it", now=lookout.now
        )
    await lookout.run(7 * MINUTE)

    assert before == ["firing"] * 3
    assert await lookout.sent() == [*before, "resolved"]
    assert await lookout.steps(alert) == ["firing", "acknowledged", "resolved"]


async def test_the_throttle_holds_back_the_next_alert_of_the_rule(lookout: Lookout) -> None:
    await lookout.channel()
    await lookout.rule(SHORT, throttle=60 * MINUTE)
    second = (INCIDENT[1] + 4 * MINUTE, INCIDENT[1] + 7 * MINUTE)
    await incident(lookout, INCIDENT, second)
    await lookout.run(20 * MINUTE)

    assert len(await lookout.alerts()) == 2
    assert await lookout.sent() == ["firing", "resolved"]
    assert await suppressions(lookout) == {"throttle"}


async def test_what_is_resolved_by_hand_stays_so_while_the_condition_lasts(lookout: Lookout) -> None:
    await lookout.channel()
    await lookout.rule(SHORT)
    second = (INCIDENT[1] + 4 * MINUTE, INCIDENT[1] + 7 * MINUTE)
    await incident(lookout, INCIDENT, second)
    await lookout.run(4 * MINUTE)
    (alert,) = await lookout.alerts()
    async with lookout.database.write() as session:
        await resolve_alert(
            session, project_id=lookout.project_id, number=alert.id, actor="ana", note=None, now=lookout.now
        )
    await lookout.run(5 * MINUTE)
    assert len(await lookout.alerts()) == 1
    await lookout.run(10 * MINUTE)

    assert len(await lookout.alerts()) == 2
    assert await lookout.sent() == ["firing", "resolved", "firing", "resolved"]


async def test_only_what_fires_is_acknowledged(lookout: Lookout) -> None:
    await lookout.rule(SHORT, hold=30 * MINUTE)
    await incident(lookout)
    await lookout.run(4 * MINUTE)
    (alert,) = await lookout.alerts()

    assert alert.state == "pending"
    with pytest.raises(Conflict):
        async with lookout.database.write() as session:
            await acknowledge_alert(
                session, project_id=lookout.project_id, number=alert.id, actor="ana", note=None, now=lookout.now
            )


async def test_deleting_or_disabling_a_rule_ends_its_alerts_and_tells_so(lookout: Lookout) -> None:
    await lookout.channel()
    deleted, disabled = await lookout.rule(SHORT), await lookout.rule(replace(SHORT, name="B"))
    await incident(lookout)
    await lookout.run(4 * MINUTE)
    await lookout.rule(replace(SHORT, name="B", enabled=False), number=disabled.id)
    async with lookout.database.write() as session:
        await delete_rule(session, project_id=lookout.project_id, actor="ana", number=deleted.id, now=lookout.now)
    await lookout.run(8 * MINUTE)

    assert [alert.state for alert in await lookout.alerts()] == ["resolved", "resolved"]
    assert await lookout.sent() == ["firing", "firing", "resolved", "resolved"]


async def test_a_broken_rule_is_told_of_and_so_is_its_repair(lookout: Lookout) -> None:
    await lookout.channel()
    rule, well = await lookout.rule(SHORT), await lookout.rule(replace(SHORT, name="Well"))
    async with lookout.database.write() as session:
        await session.run(update(AlertRule).where(AlertRule.id == rule.id).values(metric="nonsense"))
    await incident(lookout)
    await lookout.run(4 * MINUTE)
    broken, fired = await lookout.alerts()
    await lookout.rule(SHORT, number=rule.id)
    await lookout.run(MINUTE)

    assert (broken.kind, broken.state, broken.value) == ("broken", "firing", None)
    assert fired.rule_id == well.id
    assert (await lookout.sent())[:2] == ["firing", "firing"]
    assert "cannot be evaluated" in (await lookout.deliveries())[0].payload["text"]
    assert (await lookout.alerts())[0].state == "resolved"
    assert "resolved" in await lookout.sent()


async def component(
    lookout: Lookout,
    number: int,
    name: str,
    parent: int | None,
    down: tuple[dt.datetime, dt.datetime | None] | None,
    checked: dt.datetime = START + 60 * MINUTE,
) -> None:
    async with lookout.database.write() as session:
        session.add(
            Component(
                project_id=lookout.project_id,
                id=OWN + number,
                name=name,
                kind="http",
                critical=True,
                enabled=True,
                parent_id=None if parent is None else OWN + parent,
                every_seconds=60.0,
                failures_before_down=1,
                successes_before_healthy=1,
                status="down" if down else "healthy",
                since=down[0] if down else START,
                streak=0,
                checked_at=checked,
                due_at=checked + 5 * MINUTE,
                created_at=START,
            )
        )
        if down:
            session.add(
                ComponentSpell(
                    project_id=lookout.project_id,
                    component_id=OWN + number,
                    began_at=down[0],
                    ended_at=down[1],
                    status="down",
                )
            )


async def test_thirty_components_whose_parent_is_down_are_one_notification(lookout: Lookout) -> None:
    await lookout.channel()
    await lookout.rule(DOWN)
    began, parent_up = START + MINUTE, START + 5 * MINUTE
    await component(lookout, 1, "router", None, (began, parent_up))
    for number in range(2, 32):
        late = None if number == 31 else START + 4 * MINUTE
        await component(lookout, number, f"service {number:02}", 1, (began + dt.timedelta(seconds=20), late))
    await component(lookout, 40, "leaf of a leaf", 2, (began + MINUTE, None))
    await lookout.run(3 * MINUTE)

    (told,) = await lookout.deliveries()
    assert [alert["component"] for alert in told.payload["alerts"]] == ["router"]
    alerts = {alert.instance: alert for alert in await lookout.alerts()}
    assert {alert.state for name, alert in alerts.items() if name != "router"} == {"pending"}
    assert await suppressions(lookout) == {"dependency"}

    # The parent comes back: what is still down on its own fires, the others are over without a word.
    await lookout.run(4 * MINUTE)
    alerts = {alert.instance: alert for alert in await lookout.alerts()}
    assert {name for name, alert in alerts.items() if alert.state == "firing"} == {"service 31", "leaf of a leaf"}
    assert alerts["router"].state == alerts["service 05"].state == "resolved"
    assert alerts["service 31"].started_at < parent_up


async def test_components_that_fall_together_are_one_notification(lookout: Lookout) -> None:
    await lookout.channel()
    await lookout.rule(DOWN)
    for number in range(1, 31):
        await component(lookout, number, f"service {number:02}", None, (START + MINUTE, START + 3 * MINUTE))
    await lookout.run(5 * MINUTE)

    firing, resolved = await lookout.deliveries()
    assert (firing.payload["alertCount"], resolved.payload["alertCount"]) == (30, 30)


async def test_an_alert_files_one_bug_and_both_know_each_other(lookout: Lookout) -> None:
    await lookout.rule(SHORT, files_bugs=True)
    await incident(lookout)
    await lookout.run(12 * MINUTE)

    (alert,) = await lookout.alerts()
    assert alert.bug_number == 1
    async with lookout.database.read() as session:
        names = await session.scalars(select(Activity.name).where(Activity.kind == "bug"))
    assert list(names) == ["bug.filed"]


async def test_a_component_waits_for_a_look_at_its_parent_which_is_made_soon(lookout: Lookout) -> None:
    await lookout.channel()
    await lookout.rule(DOWN)
    await component(lookout, 1, "router", None, None, checked=START)
    await component(lookout, 2, "service", 1, (START + MINUTE, None))
    await lookout.run(2 * MINUTE)
    (alert,) = await lookout.alerts()
    async with lookout.database.write() as session:
        (due,) = await session.scalars(select(Component.due_at).where(Component.name == "router"))
        looked = update(Component).where(Component.name == "router").values(checked_at=lookout.now)
        await session.run(looked)
    waited = await lookout.sent()
    await lookout.run(MINUTE)

    assert (alert.state, waited) == ("pending", [])
    assert due is not None
    assert due < START + 2 * MINUTE
    assert await lookout.sent() == ["firing"]
    assert (await lookout.alerts())[0].started_at == alert.started_at


async def test_a_component_waits_for_its_parent_no_longer_than_five_minutes(lookout: Lookout) -> None:
    await lookout.channel()
    await lookout.rule(DOWN)
    await component(lookout, 1, "router", None, None, checked=START)
    await component(lookout, 2, "service", 1, (START + MINUTE, None))
    await lookout.run(6 * MINUTE)
    assert await lookout.sent() == []
    await lookout.run(MINUTE)

    assert await lookout.sent() == ["firing"]
