"""Subjects: listed by name with their totals, found by name or label, located."""

import datetime as dt
from typing import Any

import pytest

from models import Database, Project
from resolvers.errors import Invalid
from resolvers.subjects.profiles import set_subject
from tests.resolvers.metrics.asking import Json
from tests.resolvers.metrics.log import Log
from tests.resolvers.rollups.facts import Traffic

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
PERIOD = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-21T00:00:00Z"}
DOCUMENT = """query ($period: PeriodInput, $after: String, $search: String, $located: Boolean) {
  subjects(first: 3, period: $period, after: $after, search: $search, located: $located) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { name label coordinates { latitude longitude }
      usage { requests costUsd activeSubjects } api { requests activeSubjects } } }
  }
}"""


async def listed(log: Log, **variables: Any) -> list[Json]:
    """Every node, over all pages."""
    nodes: list[Json] = []
    after, more = None, True
    while more:
        found = (await log.client.ask(DOCUMENT, period=PERIOD, after=after, **variables))["subjects"]
        nodes += [edge["node"] for edge in found["edges"]]
        after, more = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]
    assert found["totalCount"] == len(nodes)
    return nodes


async def test_subjects_are_listed_with_what_the_events_add_up_to(database: Database, project: Project) -> None:
    log, traffic = Log(database, project, NOW), Traffic(project.id, subjects=7)
    times = [NOW - dt.timedelta(hours=number) for number in range(120)]
    await log.append(traffic.batch(times[:60]))
    await log.fold()
    await log.fold_subjects()
    await log.append(traffic.batch(times[60:]))
    async with database.write() as session:
        known = {"label": "50% Ann", "coordinates": (48.0, 2.5)}
        await set_subject(session, project_id=project.id, name="subject 3", values=known, actor="tests")
        await set_subject(session, project_id=project.id, name="nobody yet", values={"label": None}, actor="tests")
    nodes = await listed(log)
    seen = {fact.subject for fact in log.usage} | {fact.subject for fact in log.api}
    names = {name for name in seen if name} | {"nobody yet", "subject 3"}
    assert [node["name"] for node in nodes] == sorted(names)
    for node in nodes:
        usage = [fact for fact in log.usage if fact.subject == node["name"]]
        calls = [fact for fact in log.api if fact.subject == node["name"]]
        assert (node["usage"]["requests"], node["api"]["requests"]) == (len(usage), len(calls))
        assert (node["usage"]["activeSubjects"], node["api"]["activeSubjects"]) == (bool(usage), bool(calls))
    assert [node["name"] for node in await listed(log, search="50% a")] == ["subject 3"]
    assert [node["name"] for node in await listed(log, search="SUBJECT 3")] == ["subject 3"]
    assert await listed(log, search="5%% a") == []
    (located,) = await listed(log, located=True)
    assert located["coordinates"] == {"latitude": 48.0, "longitude": 2.5}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"coordinates": (91.0, 0.0)}, "coordinates.latitude"),
        ({"coordinates": (0.0, float("nan"))}, "coordinates.longitude"),
        ({"attributes": [1]}, "attributes"),
        ({"label": "x" * 201}, "label"),
    ],
)
async def test_what_a_subject_cannot_be_is_refused(
    database: Database, project: Project, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        async with database.write() as session:
            await set_subject(session, project_id=project.id, name="a", values=values, actor="tests")
    assert refusal.value.field == field
