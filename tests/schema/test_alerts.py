"""Alerts by the contract's documents, as clients with their keys see them."""

import datetime as dt
from typing import Any

import orjson
import pytest
from sqlalchemy import update

from models import Alert, AlertClock, Database, Project
from resolvers.principals import Principal, Role
from resolvers.projects import create_project
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.requests import GraphQLRequest
from tests.architecture.sources import ROOT
from tests.resolvers.alerts.watching import MINUTE, PACE, START, Lookout, calls

pytestmark = pytest.mark.anyio

DOCUMENT = (ROOT / "tests" / "contract" / "alerts.graphql").read_text()
RULE = {
    "name": "Errors",
    "metric": "API_ERROR_RATE",
    "comparison": "GREATER",
    "threshold": 0.05,
    "window": "PT1M",
    "severity": "HIGH",
}
INCIDENT = (START + 2 * MINUTE, START + 6 * MINUTE)
Answer = dict[str, Any]


class Client:
    """A key of a project, who sends the contract's documents."""

    def __init__(self, database: Database, project: Project, role: Role = Role.EDITOR) -> None:
        nothing: Any = None
        self._engine = Engine(schema, Services(database, nothing, nothing, pace=PACE))
        self._principal = Principal(1, "ana", role, project.id, project.name)

    async def answer(self, operation: str, **variables: Any) -> Answer:
        prepared = self._engine.prepare(GraphQLRequest(DOCUMENT, variables, operation))
        answer: Answer = orjson.loads((await self._engine.execute(prepared, self._principal, "request")).body)
        return answer

    async def ask(self, operation: str, **variables: Any) -> Any:
        answer = await self.answer(operation, **variables)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    async def save(self, **fields: Any) -> Any:
        return await self.ask("SaveAlertRule", input={"rule": RULE | fields})


@pytest.fixture
async def client(database: Database, project: Project) -> Client:
    return Client(database, project)


async def fired(database: Database, project: Project) -> Lookout:
    lookout = Lookout(database, project.id)
    async with database.write() as session:
        await session.run(update(AlertClock).values(evaluated_until=START))
    await lookout.traffic(calls(project.id, START, 8 * MINUTE, failing=INCIDENT))
    await lookout.run(4 * MINUTE)
    return lookout


async def test_a_rule_is_saved_changed_listed_and_deleted(client: Client) -> None:
    made = await client.save(forDuration="PT1M", warnThreshold=0.01, filter={"routes": ["/a"]}, channelIds=[])
    rule = made["rule"]
    assert made["userErrors"] == []
    assert (rule["basis"], rule["noData"], rule["window"], rule["forDuration"]) == ("VALUE", "NO_DATA", "PT1M", "PT1M")
    assert rule["filter"]["routes"] == ["/a"]
    assert (rule["state"], rule["stateReason"], rule["channels"]) == ("OK", None, [])

    changed = await client.ask("SaveAlertRule", input={"id": rule["id"], "rule": RULE | {"enabled": False}})
    assert changed["rule"]["state"] == "DISABLED"
    assert changed["rule"]["filter"]["routes"] == []

    page = await client.ask("AlertRules", first=2)
    assert page["pageInfo"]["hasNextPage"]
    rest = await client.ask("AlertRules", first=200, after=page["pageInfo"]["endCursor"])
    names = [edge["node"]["name"] for part in (page, rest) for edge in part["edges"]]
    assert (len(names), len(set(names)), names[-1]) == (10, 10, "Errors")

    assert (await client.ask("DeleteAlertRule", input={"id": rule["id"]}))["deletedId"] == rule["id"]
    gone = await client.ask("DeleteAlertRule", input={"id": rule["id"]})
    assert (gone["deletedId"], gone["userErrors"][0]["code"]) == (None, "NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "rule.name"),
        ({"name": "\0"}, "rule.name"),
        ({"window": "PT0S"}, "rule.window"),
        ({"window": "P93D"}, "rule.window"),
        ({"window": "PT1.5S"}, "rule.window"),
        ({"forDuration": "P32D"}, "rule.forDuration"),
        ({"renotifyEvery": "PT1S"}, "rule.renotifyEvery"),
        ({"warnThreshold": 0.06}, "rule.warnThreshold"),
        ({"comparison": "LESS", "warnThreshold": 0.01}, "rule.warnThreshold"),
        ({"runbookUrl": "javascript:alert(1)"}, "rule.runbookUrl"),
        ({"filter": {"routes": ["a\0b"]}}, "rule.filter.routes"),
        ({"metric": "COMPONENTS_DOWN", "basis": "CHANGE"}, "rule.metric"),
        ({"channelIds": ["nonsense"]}, "rule.channelIds"),
    ],
)
async def test_a_rule_that_cannot_be_is_refused_by_its_field(client: Client, fields: Answer, field: str) -> None:
    refused = await client.save(**fields)

    assert refused["rule"] is None
    assert [error["field"] for error in refused["userErrors"]] == [field]


async def test_an_alert_is_explained_acknowledged_and_resolved(
    database: Database, project: Project, client: Client
) -> None:
    rule = (await client.save())["rule"]
    await fired(database, project)
    page = await client.ask("Alerts", first=10, filter={"states": ["FIRING"], "ruleIds": [rule["id"]]})
    (alert,) = [edge["node"] for edge in page["edges"]]
    detail = await client.ask("AlertDetail", id=alert["id"])

    assert page["totalCount"] == 1
    assert alert["rule"] == {"id": rule["id"], "name": "Errors"}
    assert [step["to"] for step in detail["explain"]["transitions"]] == ["FIRING"]
    assert all(look["breached"] for look in detail["explain"]["evaluations"])
    assert detail["explain"]["suppressedBy"] == detail["explain"]["deliveries"] == []

    acknowledged = await client.ask("AcknowledgeAlert", input={"id": alert["id"], "note": "on it"})
    assert (acknowledged["alert"]["state"], acknowledged["alert"]["acknowledgedBy"]) == ("ACKNOWLEDGED", "ana")
    resolved = await client.ask("ResolveAlert", input={"id": alert["id"]})
    assert resolved["alert"]["state"] == "RESOLVED"
    again = await client.ask("AcknowledgeAlert", input={"id": alert["id"]})
    assert (again["alert"]["state"], again["userErrors"][0]["code"]) == ("RESOLVED", "CONFLICT")


async def test_a_silence_says_why_an_alert_is_quiet(database: Database, project: Project, client: Client) -> None:
    await client.save()
    ends = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    made = await client.ask(
        "SilenceAlerts",
        input={
            "matcher": '{severity=~"high|critical"}',
            "startsAt": START.isoformat(),
            "endsAt": ends,
            "reason": "known",
        },
    )
    silence = made["silence"]
    await fired(database, project)
    page = await client.ask("Alerts", first=10, filter={"severities": ["HIGH"]})
    suppressed = [
        (await client.ask("AlertDetail", id=edge["node"]["id"]))["explain"]["suppressedBy"] for edge in page["edges"]
    ]

    assert suppressed
    for (found,) in suppressed:
        assert (found["kind"], found["id"], found["reason"]) == ("SILENCE", silence["id"], "known")
    assert [edge["node"]["id"] for edge in (await client.ask("Silences", first=5))["edges"]] == [silence["id"]]
    expired = await client.ask("ExpireSilence", input={"id": silence["id"]})
    assert expired["silence"]["endsAt"] < ends


async def test_a_preview_is_answered_and_too_long_a_one_refused(
    database: Database, project: Project, client: Client
) -> None:
    await client.save()
    lookout = await fired(database, project)
    await lookout.run(4 * MINUTE)
    period = {"from": START.isoformat(), "to": (START + 8 * MINUTE).isoformat()}
    preview = await client.ask("PreviewAlertRule", rule=RULE, period=period)
    page = await client.ask("Alerts", first=10)
    (alert,) = [edge["node"] for edge in page["edges"] if edge["node"]["rule"]["name"] == "Errors"]

    assert [(one["startedAt"], one["resolvedAt"]) for one in preview["firings"]] == [
        (alert["startedAt"], alert["resolvedAt"])
    ]
    assert preview["evaluations"] == 32
    long = await client.answer("PreviewAlertRule", rule=RULE, period={"last": "P32D"})
    assert long["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_alerts_of_other_projects_do_not_exist(database: Database, project: Project, client: Client) -> None:
    await client.save()
    await fired(database, project)
    (edge, *_) = (await client.ask("Alerts", first=10))["edges"]
    async with database.write() as session:
        other = Client(database, await create_project(session, name="other", actor="tests"))

    assert await other.ask("AlertDetail", id=edge["node"]["id"]) is None
    refused = await other.ask("ResolveAlert", input={"id": edge["node"]["id"]})
    assert refused["userErrors"][0]["code"] == "NOT_FOUND"


async def test_a_reader_changes_nothing(database: Database, project: Project) -> None:
    reader = Client(database, project, Role.READER)
    answer = await reader.answer("SaveAlertRule", input={"rule": RULE})

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await reader.ask("AlertRules", first=1))["edges"]


async def test_an_unreadable_rule_is_shown_as_broken(database: Database, project: Project, client: Client) -> None:
    long = {"window": "P60D", "filter": {"environments": ["production"]}}
    rule = (await client.save(**long))["rule"]
    await fired(database, project)
    page = await client.ask("AlertRules", first=50)
    (shown,) = [edge["node"] for edge in page["edges"] if edge["node"]["id"] == rule["id"]]

    assert shown["state"] == "BROKEN"
    assert "31 days" in shown["stateReason"]
    async with database.write() as session:
        assert await session.run(update(Alert).where(Alert.kind == "broken").values(kind="broken")) == 1
