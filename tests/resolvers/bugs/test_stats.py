"""Figures over any period and zone, beside an oracle that replays what happened."""

import datetime as dt
import random
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from models import Bug, BugSpell, Database, Project
from models.bugs import SEVERITIES
from models.words import Words
from tests.databases import on_every_server
from tests.resolvers.bugs.tracker import DOCUMENT, Json, Tracker

EPOCH = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
Spell = tuple[dt.datetime, dt.datetime | None, str, str | None]
NAMES = ("open", "criticalOpen", "filed", "resolved", "meanResolutionHours", "medianResolutionHours")


@dataclass
class Life:
    """A bug: when it was filed and resolved, and the stretches in which it was open as something."""

    filed: dt.datetime
    resolved: dt.datetime | None
    spells: list[Spell]

    def state(self, time: dt.datetime) -> tuple[str, str | None] | None:
        """The severity and category of the bug just before an instant; None when it was not open."""
        for began, ended, severity, category in self.spells:
            if began < time and (ended is None or ended >= time):
                return severity, category
        return None


def lives(seed: int, count: int) -> list[Life]:
    """Bugs filed, changed, resolved and reopened over sixty days, across the change to summer time."""
    some, made = random.Random(seed), []
    for _ in range(count):
        time = filed = EPOCH + dt.timedelta(minutes=some.randrange(50 * 24 * 60))
        resolved, spells = None, list[Spell]()
        for _ in range(some.randrange(1, 4)):
            ended = time + dt.timedelta(minutes=some.randrange(1, 9000)) if some.random() < 0.8 else None
            spells.append((time, ended, some.choice(SEVERITIES), some.choice(["ui", "api", None])))
            if ended is None:
                break
            resolved = ended if some.random() < 0.7 else None
            time = ended + dt.timedelta(minutes=some.choice([0, 600]))
        if spells[-1][1] is None:
            resolved = None
        made.append(Life(filed, resolved, spells))
    return sorted(made, key=lambda life: life.filed)


async def store(database: Database, project: Project, made: list[Life]) -> None:
    async with database.write() as session:
        bugs, spells = [], []
        for number, life in enumerate(made, 1):
            bugs.append(
                {
                    "project_id": project.id,
                    "number": number,
                    "version": 1,
                    "title": "t",
                    "status": "open",
                    "severity": "low",
                    "priority": "low",
                    "labels": [],
                    "links": [],
                    "filed_by": "tests",
                    "occurrences": 1,
                    "comments": 0,
                    "created_at": life.filed,
                    "updated_at": life.filed,
                    "last_seen_at": life.filed,
                    "resolved_at": life.resolved,
                    "words": Words(project.id, ("t",)),
                }
            )
            for version, (began, ended, severity, category) in enumerate(life.spells, 1):
                spells.append(
                    {
                        "project_id": project.id,
                        "bug_number": number,
                        "version": version,
                        "severity": severity,
                        "category": category,
                        "began_at": began,
                        "ended_at": ended,
                    }
                )
        await session.run_many(insert(Bug), bugs)
        await session.run_many(insert(BugSpell), spells)


def expected(made: list[Life], start: dt.datetime, end: dt.datetime) -> Json:
    """The figures of a period by replaying every life."""
    states = [state for life in made if (state := life.state(end))]
    hours = [
        (life.resolved - life.filed) / dt.timedelta(hours=1)
        for life in made
        if life.resolved and start <= life.resolved < end
    ]
    return {
        "open": len(states),
        "criticalOpen": sum(severity == "critical" for severity, _ in states),
        "filed": sum(start <= life.filed < end for life in made),
        "resolved": len(hours),
        "meanResolutionHours": pytest.approx(fmean(hours)) if hours else None,
        "medianResolutionHours": pytest.approx(median(hours)) if hours else None,
        "openBySeverity": [
            {"severity": severity.upper(), "count": sum(severity == one for one, _ in states)}
            for severity in reversed(SEVERITIES)
        ],
        "categories": {category: n for category in ("ui", "api", None) if (n := sum(c == category for _, c in states))},
    }


PERIODS = [
    ("2026-03-20T00:00:00", "2026-04-10T00:00:00", "Europe/Paris"),
    ("2026-03-27T13:17:11", "2026-03-31T01:02:03", "Asia/Kathmandu"),
    ("2026-03-28T00:00:00", "2026-03-30T00:00:00", "Australia/Lord_Howe"),
    ("2025-01-01T00:00:00", "2025-01-08T00:00:00", "UTC"),
    ("2026-02-20T00:00:00", "2026-06-01T00:00:00", "America/New_York"),
]


@on_every_server
async def test_figures_are_what_a_replay_counts(database: Database, project: Project, tracker: Tracker) -> None:
    made = lives(3, 150)
    await store(database, project, made)
    for first, last, zone in PERIODS:
        start, end = (dt.datetime.fromisoformat(edge).replace(tzinfo=ZoneInfo(zone)) for edge in (first, last))
        period = {"from": start.isoformat(), "to": end.isoformat(), "timeZone": zone}
        answer = await tracker.ask("BugStats", period=period)
        trend, categories = answer.pop("trend"), answer.pop("openByCategory")

        assert answer.pop("resolvedToday") == 0
        counts = [one["count"] for one in categories]
        assert counts == sorted(counts, reverse=True)
        found = answer | {"categories": {one["category"]: one["count"] for one in categories}}
        assert found == expected(made, start, end), zone
        agrees(trend, made, start, end)

        if end - start < dt.timedelta(days=30):
            hourly = await tracker.ask("BugStats", DOCUMENT.replace("interval: DAY", "interval: HOUR"), period=period)
            agrees(hourly["trend"], made, start, end)


def agrees(trend: list[Json], made: list[Life], start: dt.datetime, end: dt.datetime) -> None:
    """Each bucket is what a replay of its own stretch counts."""
    starts = [dt.datetime.fromisoformat(point["start"]) for point in trend]
    assert starts[0] <= start < end
    edges = [start, *starts[1:], end]
    for point, (first, last) in zip(trend, pairwise(edges), strict=True):
        figures = expected(made, first.astimezone(dt.UTC), last.astimezone(dt.UTC))
        assert {name: point[name] for name in ("filed", "resolved", "open")} == {
            name: figures[name] for name in ("filed", "resolved", "open")
        }, first


async def test_what_clients_do_shows_in_the_figures(tracker: Tracker) -> None:
    async def figures() -> dict[str, Any]:
        answer = await tracker.ask("BugStats", period={"last": "PT1H", "timeZone": "Asia/Tokyo"})
        assert answer["trend"][-1]["open"] == answer["open"]
        worst = {one["severity"]: one["count"] for one in answer["openBySeverity"] if one["count"]}
        areas = {one["category"]: one["count"] for one in answer["openByCategory"]}
        names = ("open", "criticalOpen", "filed", "resolved", "resolvedToday")
        return {name: answer[name] for name in names} | {"worst": worst, "areas": areas}

    first = await tracker.file(severity="CRITICAL", category="ui", fingerprint="f")
    second = await tracker.file()
    assert await figures() == {
        "open": 2,
        "criticalOpen": 1,
        "filed": 2,
        "resolved": 0,
        "resolvedToday": 0,
        "worst": {"CRITICAL": 1, "MEDIUM": 1},
        "areas": {"ui": 1, None: 1},
    }
    first = await tracker.update(first, severity="HIGH", category="api", status="IN_PROGRESS")
    second = await tracker.update(second, status="WONT_FIX")
    changed = {"open": 1, "criticalOpen": 0, "filed": 2, "worst": {"HIGH": 1}, "areas": {"api": 1}}
    assert await figures() == changed | {"resolved": 0, "resolvedToday": 0}
    first = await tracker.update(first, status="RESOLVED")
    await tracker.update(first, status="CLOSED")
    assert await figures() == changed | {"open": 0, "worst": {}, "areas": {}, "resolved": 1, "resolvedToday": 1}
    await tracker.file(fingerprint="f")
    assert await figures() == changed | {"resolved": 0, "resolvedToday": 0}


async def test_an_empty_tracker_has_figures(tracker: Tracker) -> None:
    answer = await tracker.ask("BugStats", period={"last": "P2D"})
    assert {answer[name] for name in ("open", "criticalOpen", "filed", "resolved", "resolvedToday")} == {0}
    assert (answer["meanResolutionHours"], answer["medianResolutionHours"]) == (None, None)
    assert answer["openByCategory"] == []
    assert {point["open"] for point in answer["trend"]} == {0}


async def test_a_trend_has_an_end(tracker: Tracker) -> None:
    document = DOCUMENT.replace("interval: DAY", "interval: MINUTE")
    assert "ask for HOUR" in await tracker.refusal("BugStats", document, period={"last": "P7D"})
