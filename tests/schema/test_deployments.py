"""Deployments by GraphQL: recorded once, in the feed, in their list, and beside every series."""

import datetime as dt
from typing import Any

import orjson
import pytest

from models import Database, Project
from realtime.hub import Hub
from resolvers.principals import Principal, Role
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.requests import GraphQLRequest

Answer = dict[str, Any]
FIELDS = "id version environment time link description recordedBy"
RECORD = f"""mutation ($input: RecordDeploymentInput!) {{
  recordDeployment(input: $input) {{ deployment {{ {FIELDS} }} userErrors {{ code field message }} }}
}}"""
LAST_DAY = {"last": "P1D"}


class Client:
    def __init__(self, database: Database, hub: Hub, project: Project, role: Role) -> None:
        nothing: Any = None
        self._engine = Engine(schema, Services(database, hub, nothing))
        self._principal = Principal(1, "ci", role, project.id, project.name)

    async def answer(self, document: str, **variables: Any) -> Answer:
        prepared = self._engine.prepare(GraphQLRequest(document, variables, None))
        answer: Answer = orjson.loads((await self._engine.execute(prepared, self._principal, "request")).body)
        return answer

    async def ask(self, document: str, **variables: Any) -> Answer:
        answer = await self.answer(document, **variables)
        assert "errors" not in answer, answer["errors"]
        data: Answer = answer["data"]
        return data

    async def record(self, **fields: Any) -> Answer:
        payload: Answer = (await self.ask(RECORD, input=fields))["recordDeployment"]
        return payload


@pytest.fixture
def sender(database: Database, hub: Hub, project: Project) -> Client:
    return Client(database, hub, project, Role.INGEST)


@pytest.fixture
def reader(database: Database, hub: Hub, project: Project) -> Client:
    return Client(database, hub, project, Role.READER)


def ago(**length: int) -> str:
    return (dt.datetime.now(dt.UTC) - dt.timedelta(**length)).isoformat().replace("+00:00", "Z")


async def test_a_deployment_is_recorded_told_and_found_again(sender: Client, reader: Client) -> None:
    fields = {"version": " v1.2 ", "environment": "prod", "link": "https://ci.example/1", "idempotencyKey": "k"}
    recorded = (await sender.record(**fields))["deployment"]
    assert recorded["version"] == "v1.2"
    assert recorded["recordedBy"] == "ci"
    assert (await sender.record(**fields, description="again"))["deployment"] == recorded

    data = await reader.ask(
        f"""query ($id: ID!) {{
          node(id: $id) {{ ... on Deployment {{ {FIELDS} }} }}
          activities(first: 9, kinds: [DEPLOYMENT]) {{
            edges {{ node {{ kind title time node {{ ... on Deployment {{ {FIELDS} }} }} }} }}
          }}
        }}""",
        id=recorded["id"],
    )
    assert data["node"] == recorded
    (edge,) = data["activities"]["edges"]
    told = {"kind": "DEPLOYMENT", "title": "Deployed v1.2 to prod", "time": recorded["time"], "node": recorded}
    assert edge["node"] == told


async def test_deployments_stand_beside_every_series_and_in_pages(sender: Client, reader: Client) -> None:
    for number, environment in enumerate(["prod", "staging", None, "prod"]):
        await sender.record(version=f"v{number}", environment=environment, time=ago(hours=5 - number))
    await sender.record(version="old", time=ago(days=3))
    data = await reader.ask(
        """query ($period: PeriodInput!, $filter: MetricsFilter) {
          metrics(period: $period, filter: $filter) {
            deployments { version }
            usage { deployments { version } series(interval: HOUR) { start } }
            api { deployments { version } }
          }
        }""",
        period=LAST_DAY,
        filter={"environments": ["prod"]},
    )
    beside = [{"version": "v0"}, {"version": "v2"}, {"version": "v3"}]
    metrics = data["metrics"]
    assert metrics["deployments"] == metrics["usage"]["deployments"] == metrics["api"]["deployments"] == beside

    seen: list[str] = []
    after = None
    while True:
        page = (
            await reader.ask(
                """query ($period: PeriodInput!, $after: String) {
                  deployments(period: $period, first: 3, after: $after) {
                  totalCount edges { cursor node { version } } pageInfo { hasNextPage endCursor }
                  } }""",
                period=LAST_DAY,
                after=after,
            )
        )["deployments"]
        assert page["totalCount"] == 4
        seen += [edge["node"]["version"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["v3", "v2", "v1", "v0"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", " "),
        ("version", "v" * 101),
        ("environment", "e\0"),
        ("link", "javascript:alert(1)"),
        ("link", "//example.com"),
        ("link", "https:// example.com"),
        ("link", "http://[broken"),
        ("link", "https://"),
        ("time", "1999-12-31T23:59:59Z"),
        ("time", "2100-01-01T00:00:00Z"),
        ("description", "d" * 2001),
    ],
)
async def test_what_cannot_be_is_refused(sender: Client, field: str, value: str) -> None:
    payload = await sender.record(**{"version": "v1", field: value})
    assert payload["deployment"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("INVALID", field)]


async def test_a_reader_records_none(reader: Client) -> None:
    (error,) = (await reader.answer(RECORD, input={"version": "v1"}))["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
