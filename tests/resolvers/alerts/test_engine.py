"""Evaluation: planted incidents fire in time and end, whatever happens to the process meanwhile."""

import datetime as dt

from tests.resolvers.alerts.watching import MINUTE, START, Lookout, calls

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
