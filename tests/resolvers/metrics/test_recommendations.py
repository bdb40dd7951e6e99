"""The recommendations issued in a period, and what became of them."""

import datetime as dt
from typing import Any

from models import Database, Project, Recommendation
from tests.resolvers.metrics.asking import Client, Json
from tests.resolvers.metrics.periods import Period

OCTOBER = Period.local("2026-10-01", "2026-11-01", "UTC")
FIELDS = "recommendations { total viewedRate implementedRate byKind { kind total viewed implemented } }"
HOUR = dt.timedelta(hours=1)


def recommendation(project: Project, number: int, kind: str, created_at: dt.datetime, **became: Any) -> Recommendation:
    nothing: Json = dict.fromkeys(
        [
            "body",
            "subject",
            "confidence",
            "viewed_at",
            "implemented_at",
            "dismissed_at",
            "dismiss_reason",
            "expected_monthly_saving_picousd",
        ]
    )
    values = nothing | {"status": "issued", "title": "Do it", "source": "recorded", "kind": kind}
    times = {"created_at": created_at, "updated_at": created_at, "expires_at": created_at + 1000 * HOUR}
    issued = {"target_key": str(number), "target": {}, "evidence": {}, "times_issued": 1}
    return Recommendation(project_id=project.id, id=number, **values | times | issued | became)


async def test_recommendations_issued_in_the_period_by_kind(database: Database, project: Project) -> None:
    first, last = OCTOBER.start, OCTOBER.end - dt.timedelta(microseconds=1)
    later = OCTOBER.end + 100 * HOUR
    rows = [
        recommendation(project, 1, "cache", first),
        recommendation(project, 2, "cache", last, status="viewed", viewed_at=later),
        recommendation(project, 3, "cache", last, status="implemented", viewed_at=last, implemented_at=later),
        recommendation(project, 4, "model", first, status="implemented", viewed_at=first, implemented_at=first),
        recommendation(project, 5, "prompt", first, status="dismissed", dismissed_at=last),
        recommendation(project, 6, "before", first - HOUR, status="viewed", viewed_at=first),
        recommendation(project, 7, "after", OCTOBER.end),
    ]
    async with database.write() as session:
        for row in rows:
            session.add(row)
    answer = await Client(database, project).metrics(FIELDS, OCTOBER.variable, {"subjects": ["filters do not matter"]})
    found = answer["recommendations"]
    by_kind = {kind.pop("kind"): kind for kind in found.pop("byKind")}
    assert found == {"total": 5, "viewedRate": 3 / 5, "implementedRate": 2 / 5}
    assert by_kind == {
        "cache": {"total": 3, "viewed": 2, "implemented": 1},
        "model": {"total": 1, "viewed": 1, "implemented": 1},
        "prompt": {"total": 1, "viewed": 0, "implemented": 0},
    }


async def test_rates_of_nothing_are_null(database: Database, project: Project) -> None:
    answer = await Client(database, project).metrics(FIELDS, OCTOBER.variable)
    assert answer["recommendations"] == {"total": 0, "viewedRate": None, "implementedRate": None, "byKind": []}
