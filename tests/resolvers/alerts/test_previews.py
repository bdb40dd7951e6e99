"""Previews: the firings that the engine had, from the same figures and the same machine."""

import datetime as dt
import random
from dataclasses import replace

import msgspec
import pytest

from models import Database
from realtime.facts import ApiCallFact, Fact
from resolvers.alerts.definitions import Rule
from resolvers.alerts.previewing import Preview, preview_rule
from resolvers.errors import Invalid
from resolvers.metrics.filters import MetricsFilter
from resolvers.metrics.periods import make_period
from tests.realtime.log import usage
from tests.resolvers.alerts.watching import ERRORS, MINUTE, PACE, START, STEP, Lookout, calls

LENGTH = 40 * MINUTE
RULES = (
    ERRORS,
    replace(ERRORS, name="lasting", hold=2 * MINUTE, warn_threshold=0.01, window=MINUTE),
    replace(ERRORS, name="odd window", window=dt.timedelta(seconds=50), no_data="alert"),
    replace(ERRORS, name="one route", filter=MetricsFilter(routes=("/a",)), threshold=0.2, window=2 * MINUTE),
    replace(ERRORS, name="routes", filter=MetricsFilter(routes=("/b", "/c"), statuses=("500",)), threshold=0.9),
    replace(ERRORS, name="slow", metric="api_mean_ms", threshold=450, window=3 * MINUTE),
    replace(ERRORS, name="slowest", metric="api_p95_ms", threshold=990, window=2 * MINUTE),
    replace(ERRORS, name="more", metric="api_requests", basis="change", threshold=0.2, window=3 * MINUTE),
    replace(ERRORS, name="few", metric="api_requests", comparison="less", threshold=40, window=MINUTE, hold=MINUTE),
    replace(ERRORS, name="cost", metric="usage_cost_usd", threshold=1.5, window=2 * MINUTE),
    replace(ERRORS, name="a subject", metric="usage_tokens", filter=MetricsFilter(subjects=("s1",)), threshold=900),
    replace(
        ERRORS, name="hits", metric="api_cache_hit_rate", comparison="less_or_equal", threshold=0.45, no_data="keep"
    ),
)


def noise(project_id: int) -> list[Fact]:
    """Traffic that crosses every threshold now and then, with a gap in it."""
    pick = random.Random(5)
    facts: list[Fact] = []
    for number, fact in enumerate(calls(project_id, START, LENGTH)):
        assert isinstance(fact, ApiCallFact)
        minute = number // 60
        if 20 <= minute < 24 or (minute % 7 == 3 and number % 3):
            continue
        bad = pick.random() < (0.3 if minute % 9 in (2, 3) else 0.02)
        facts.append(
            msgspec.structs.replace(
                fact,
                time=fact.time + dt.timedelta(milliseconds=pick.randrange(900)),
                status=500 if bad else 200,
                route=pick.choice(["/a", "/b", "/c"]),
                duration_ms=pick.choice([None, pick.random() * 1000]),
                cache=pick.choice([None, "hit", "miss"]),
            )
        )
        if number % 2:
            facts.append(
                usage(
                    project_id,
                    f"usage {number}",
                    fact.time,
                    subject=pick.choice(["s1", "s2"]),
                    cost_picousd=pick.choice([None, pick.randrange(10**11)]),
                    visible_tokens=pick.randrange(20),
                )
            )
    return facts


async def preview(lookout: Lookout, rule: Rule, start: dt.datetime = START, length: dt.timedelta = LENGTH) -> Preview:
    period = make_period(start=start, end=start + length, last=None, zone="UTC", now=lookout.now)
    async with lookout.database.read() as session:
        return await preview_rule(
            session, project_id=lookout.project_id, rule=rule, period=period, pace=PACE, now=lookout.now + LENGTH
        )


async def test_a_preview_has_the_firings_that_the_engine_had(lookout: Lookout) -> None:
    numbers = {(await lookout.rule(rule)).id: rule for rule in RULES}
    facts = noise(lookout.project_id)
    # What comes last is in no roll-up yet.
    await lookout.traffic(facts[: len(facts) // 2])
    await lookout.traffic(facts[len(facts) // 2 :], folded=False)
    await lookout.run(LENGTH - STEP)
    alerts = await lookout.alerts()

    for number, rule in numbers.items():
        fired = [alert for alert in alerts if alert.rule_id == number and alert.fired_at]
        found = (await preview(lookout, rule, START + STEP, LENGTH - STEP)).firings
        assert len(fired) == len(found), rule.name
        for alert, firing in zip(fired, found, strict=True):
            assert (alert.started_at, alert.fired_at, alert.resolved_at, alert.severity) == (
                firing.started_at,
                firing.fired_at,
                firing.resolved_at,
                firing.severity,
            ), rule.name
            assert firing.peak_value == pytest.approx(alert.peak_value), rule.name
    assert {rule.name for number, rule in numbers.items() if any(alert.rule_id == number for alert in alerts)} == {
        rule.name for rule in RULES
    }


async def test_a_preview_counts_its_evaluations(lookout: Lookout) -> None:
    await lookout.traffic(calls(lookout.project_id, START + 5 * MINUTE, 5 * MINUTE))
    found = await preview(lookout, replace(ERRORS, window=MINUTE), START, 10 * MINUTE)

    assert (found.evaluations, found.no_data, found.firings) == (40, 21, [])


async def test_a_preview_covers_at_most_31_days(lookout: Lookout) -> None:
    with pytest.raises(Invalid, match="31 days"):
        await preview(lookout, ERRORS, START - dt.timedelta(days=32), dt.timedelta(days=32))


async def test_a_preview_ends_where_time_has_settled(database: Database, lookout: Lookout) -> None:
    lookout.now = START + 5 * MINUTE - LENGTH
    assert (await preview(lookout, ERRORS)).evaluations == 20
