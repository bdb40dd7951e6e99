"""Content, attributes and refusals by GraphQL: who may, what is answered, and that it is one pipeline."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from integrations.prices import ListPrices
from models import Database, Project
from realtime.hub import Hub
from resolvers.errors import Invalid
from resolvers.events.writer import Writer
from resolvers.principals import Principal, Role
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.requests import GraphQLRequest
from tests.resolvers.events.events import at

Answer = dict[str, Any]
LAST_DAY = {"last": "P1D"}
SETTINGS = "enabled masking { name } maxBytes daysKept updatedAt"
SAVE = f"""mutation ($input: SaveContentSettingsInput!) {{ saveContentSettings(input: $input) {{
  contentSettings {{ {SETTINGS} }} userErrors {{ code field }}
}} }}"""
RECORD = (
    "mutation ($events: [UsageEventInput!]!) { recordUsage(input: { events: $events }) { accepted rejected { code } } }"
)
EVENTS = """query ($period: PeriodInput!) { usageEvents(period: $period, first: 9) { edges { node {
  model id content { input output inputTruncated outputTruncated }
} } } }"""
REJECTS = """query ($period: PeriodInput!, $after: String) { ingestRejects(period: $period, first: 2, after: $after) {
  totalCount edges { node { time door code field reason sample count } } pageInfo { hasNextPage endCursor }
} }"""


class Clients:
    """A key of each role of one project."""

    def __init__(self, database: Database, hub: Hub, writer: Writer, project: Project) -> None:
        self.database, self.writer = database, writer
        self._engine = Engine(schema, Services(database, hub, writer))
        self._project = project

    async def answer(self, role: Role, document: str, **variables: Any) -> Answer:
        prepared = self._engine.prepare(GraphQLRequest(document, variables, None))
        principal = Principal(1, "tests", role, self._project.id, self._project.name)
        answer: Answer = orjson.loads((await self._engine.execute(prepared, principal, "request")).body)
        return answer

    async def ask(self, role: Role, document: str, **variables: Any) -> Answer:
        answer = await self.answer(role, document, **variables)
        assert "errors" not in answer, answer["errors"]
        data: Answer = answer["data"]
        return data

    async def first(self, role: Role, document: str, **variables: Any) -> Answer:
        """The first that a subscription tells."""
        prepared = self._engine.prepare(GraphQLRequest(document, variables, None))
        principal = Principal(1, "tests", role, self._project.id, self._project.name)
        async with aclosing(self._engine.stream(prepared, principal, "request")) as bodies:
            answer: Answer = orjson.loads(await anext(bodies))
            return answer

    async def forbidden(self, role: Role, document: str, **variables: Any) -> bool:
        errors = (await self.answer(role, document, **variables)).get("errors", [])
        return [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


@pytest.fixture
async def clients(database: Database, hub: Hub, project: Project) -> AsyncIterator[Clients]:
    writer = Writer(database, ListPrices(), publish=hub.publish)
    await writer.start()
    yield Clients(database, hub, writer, project)
    await writer.stop()


async def test_content_is_kept_from_the_moment_that_an_admin_says_so(clients: Clients) -> None:
    query = f"{{ contentSettings {{ {SETTINGS} defaultMasking {{ name pattern replacement }} }} }}"
    before = (await clients.ask(Role.EDITOR, query))["contentSettings"]
    defaults = [{"name": rule["name"]} for rule in before.pop("defaultMasking")]
    assert before == {"enabled": False, "masking": [], "maxBytes": 32768, "daysKept": 30, "updatedAt": None}
    content = {"input": [{"role": "user", "content": "I am bob@example.com"}], "output": "Hello"}
    event = {"time": at(60), "model": "gpt-4", "content": content}
    await clients.ask(Role.INGEST, RECORD, events=[event | {"id": "before"}])

    assert await clients.forbidden(Role.EDITOR, SAVE, input={"enabled": True})
    saved = (await clients.ask(Role.ADMIN, SAVE, input={"enabled": True}))["saveContentSettings"]
    assert (saved["contentSettings"]["masking"], saved["userErrors"]) == (defaults, [])
    await clients.ask(Role.INGEST, RECORD, events=[event | {"id": "after", "time": at(59)}])

    edges = (await clients.ask(Role.EDITOR, EVENTS, period=LAST_DAY))["usageEvents"]["edges"]
    masked = [{"role": "user", "content": "I am [e-mail]"}]
    kept = {"input": masked, "output": "Hello", "inputTruncated": False, "outputTruncated": False}
    assert [edge["node"]["content"] for edge in edges] == [kept, None]
    node = "query ($id: ID!) { node(id: $id) { ... on UsageEvent { content { output } } } }"
    found = await clients.ask(Role.ADMIN, node, id=edges[0]["node"]["id"])
    assert found["node"]["content"] == {"output": "Hello"}
    assert await clients.forbidden(Role.READER, node, id=edges[0]["node"]["id"])
    assert await clients.forbidden(Role.READER, "{ contentSettings { enabled } }")


async def test_rules_that_cannot_be_applied_are_named(clients: Clients) -> None:
    rules = [{"name": "a", "pattern": "a"}, {"name": "b", "pattern": "(?=b)"}]
    payload = (await clients.ask(Role.ADMIN, SAVE, input={"masking": rules}))["saveContentSettings"]
    assert payload == {"contentSettings": None, "userErrors": [{"code": "INVALID", "field": "masking.1.pattern"}]}


async def test_refusals_are_listed_newest_first(clients: Clients) -> None:
    events = [{"time": at(60), "model": "m" * length, "content": {"input": "secret"}} for length in (201, 202, 203)]
    assert len((await clients.ask(Role.INGEST, RECORD, events=events))["recordUsage"]["rejected"]) == 3
    await clients.writer.rejects.write(clients.database)
    page = (await clients.ask(Role.READER, REJECTS, period=LAST_DAY))["ingestRejects"]
    after = page["pageInfo"]["endCursor"]
    rest = (await clients.ask(Role.READER, REJECTS, period=LAST_DAY, after=after))["ingestRejects"]
    nodes = [edge["node"] for edge in [*page["edges"], *rest["edges"]]]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (3, True, False)
    assert {(node["door"], node["code"], node["field"], node["count"]) for node in nodes} == {
        ("GRAPHQL", "INVALID", "model", 1)
    }
    assert len({node["time"] for node in nodes}) == 3
    assert not [node for node in nodes if "secret" in node["sample"]]


async def test_a_list_that_is_too_long_is_noted(clients: Clients) -> None:
    events = [{"time": at(60), "model": "m"}] * 10_001
    payload = await clients.ask(
        Role.INGEST,
        "mutation ($events: [UsageEventInput!]!) { recordUsage(input: { events: $events }) { userErrors { code } } }",
        events=events,
    )
    assert payload["recordUsage"]["userErrors"] == [{"code": "LIMIT_REACHED"}]
    await clients.writer.rejects.write(clients.database)
    (edge,) = (await clients.ask(Role.READER, REJECTS, period=LAST_DAY))["ingestRejects"]["edges"]
    assert (edge["node"]["code"], edge["node"]["sample"]) == ("LIMIT_REACHED", None)


async def test_attributes_are_declared_by_an_admin(clients: Clients) -> None:
    declare = """mutation ($keys: [String!]!) { declareAttributes(input: { keys: $keys }) {
      keys userErrors { code field }
    } }"""
    assert await clients.forbidden(Role.EDITOR, declare, keys=["a"])
    first = (await clients.ask(Role.ADMIN, declare, keys=["b", " a ", "b"]))["declareAttributes"]
    assert first == {"keys": ["b", "a"], "userErrors": []}
    for keys, field in ((list("abcdef"), "keys"), (["a", " "], "keys.1"), (["k" * 129], "keys.0")):
        refused = (await clients.ask(Role.ADMIN, declare, keys=keys))["declareAttributes"]
        assert refused == {"keys": [], "userErrors": [{"code": "INVALID", "field": field}]}
    assert (await clients.ask(Role.READER, "{ declaredAttributes }"))["declaredAttributes"] == ["b", "a"]


async def test_alert_rules_refuse_attributes_and_live_figures_take_declared_ones(clients: Clients) -> None:
    kept = {"attributes": [{"key": "team", "values": ["a"]}]}
    rule = {
        "name": "dear",
        "metric": "USAGE_COST_USD",
        "filter": kept,
        "comparison": "GREATER",
        "threshold": 1,
        "window": "PT1H",
        "severity": "LOW",
    }
    save = "mutation ($rule: AlertRuleInput!) { saveAlertRule(input: { rule: $rule }) { userErrors { code field } } }"
    payload = (await clients.ask(Role.ADMIN, save, rule=rule))["saveAlertRule"]
    assert payload["userErrors"] == [{"code": "INVALID", "field": "rule.filter.attributes"}]

    live = """subscription ($filter: MetricsFilter) { liveMetrics(window: "PT10M", every: "PT1S", filter: $filter) {
      usage { requestsPerSecond }
    } }"""
    with pytest.raises(Invalid, match="declareAttributes"):
        await clients.first(Role.READER, live, filter=kept)
    await clients.ask(Role.ADMIN, 'mutation { declareAttributes(input: { keys: ["team"] }) { keys } }')
    events = [{"time": at(60), "model": "m", "attributes": {"team": team}} for team in ("a", "b", "b")]
    await clients.ask(Role.INGEST, RECORD, events=events)
    told = await clients.first(Role.READER, live, filter=kept)
    assert told["data"]["liveMetrics"]["usage"]["requestsPerSecond"] == pytest.approx(1 / 600)
