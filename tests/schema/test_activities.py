"""The activity feed by GraphQL: the list, the stream, and the cursor that they share."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from models import Database, Project
from realtime.backends import open_broadcast
from realtime.cursors import encode_cursor
from realtime.facts import Fact
from realtime.hub import Hub
from resolvers.principals import Principal, Role
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.requests import GraphQLRequest
from tests.architecture.sources import ROOT
from tests.realtime.log import LONG_AGO, NOW, activity, api_call, commit, make_months, usage, usages

DOCUMENT = (ROOT / "tests" / "contract" / "activity.graphql").read_text()
Answer = dict[str, Any]


class Client:
    """A key of a project, who sends the contract's documents."""

    def __init__(self, database: Database, hub: Hub, project: Project, role: Role = Role.READER) -> None:
        nothing: Any = None
        self._engine = Engine(schema, Services(database, hub, nothing, nothing))
        self._principal = Principal(1, "tests", role, project.id, project.name)

    async def list(self, first: int, document: str = DOCUMENT, **variables: Any) -> Answer:
        request = GraphQLRequest(document, {"first": first, **variables}, "RecentActivity")
        answer = await self._engine.execute(self._engine.prepare(request), self._principal, "request")
        decoded: Answer = orjson.loads(answer.body)
        return decoded

    async def stream(self, **variables: Any) -> AsyncGenerator[Answer, None]:
        operation = self._engine.prepare(GraphQLRequest(DOCUMENT, variables, "Activity"))
        async with aclosing(self._engine.stream(operation, self._principal, "request")) as bodies:
            async for body in bodies:
                answer = orjson.loads(body)
                assert "errors" not in answer
                yield answer["data"]["activity"]


@pytest.fixture
async def hub(database: Database, project: Project) -> AsyncIterator[Hub]:
    await make_months(database, NOW, LONG_AGO)
    async with Hub(database, open_broadcast(None)) as hub:
        yield hub


@pytest.fixture
def client(database: Database, hub: Hub, project: Project) -> Client:
    return Client(database, hub, project)


async def test_each_kind_of_fact_tells_what_happened(database: Database, project: Project, client: Client) -> None:
    facts: list[Fact] = [
        usage(project.id, "a"),
        usage(project.id, "b", LONG_AGO, status="error", uncached_tokens=1, visible_tokens=0, subject=None),
        api_call(project.id, "c"),
        api_call(project.id, "d", method="POST", route="/pay", status=503),
        activity(project.id, "e", kind="deployment", title="v1.2 went out", severity=None),
        activity(project.id, "f", severity="critical"),
    ]
    await commit(database, facts)

    edges = (await client.list(10))["data"]["activities"]["edges"]

    node = {edge["node"]["title"]: edge["node"] for edge in edges}
    told = {title: (told["kind"], told["severity"], told["subject"]) for title, told in node.items()}
    assert told == {
        "Something broke": ("BUG", "CRITICAL", "node-1"),
        "v1.2 went out": ("DEPLOYMENT", None, "node-1"),
        "POST /pay · 503": ("API_CALL", "MEDIUM", None),
        "GET /nodes/{pubkey} · 200": ("API_CALL", None, None),
        "gpt-4 · 1 token · error": ("USAGE", "MEDIUM", None),
        "gpt-4 · 418 tokens · ok": ("USAGE", None, "node-1"),
    }
    assert node["gpt-4 · 1 token · error"]["time"] == "2023-11-16T00:00:00Z"
    assert node["gpt-4 · 418 tokens · ok"]["node"]["__typename"] == "UsageEvent"
    assert node["POST /pay · 503"]["node"]["__typename"] == "ApiCall"
    assert len({edge["node"]["id"] for edge in edges}) == 6


async def test_the_list_pages_to_its_end(database: Database, project: Project, client: Client) -> None:
    await commit(database, usages(project.id, 7))
    seen, after, more = [], None, True
    while more:
        page = (await client.list(3, after=after))["data"]["activities"]
        seen += [edge["cursor"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert seen == [encode_cursor(project.id, seq) for seq in range(7, 0, -1)]


@pytest.mark.parametrize(("kinds", "count"), [(None, 4), ([], 4), (["USAGE"], 2), (["BUG", "API_CALL"], 2)])
async def test_the_list_picks_kinds_and_counts_them(
    database: Database, project: Project, client: Client, kinds: list[str] | None, count: int
) -> None:
    await commit(database, [*usages(project.id, 2), api_call(project.id, "a"), activity(project.id, "b")])
    document = DOCUMENT.replace("pageInfo {", "totalCount pageInfo {")
    page = (await client.list(1, document, kinds=kinds))["data"]["activities"]
    assert page["totalCount"] == count


async def test_a_stream_goes_on_from_a_cursor_of_the_list(
    database: Database, hub: Hub, project: Project, client: Client
) -> None:
    await commit(database, [*usages(project.id, 2), api_call(project.id, "a"), activity(project.id, "b")])
    edges = (await client.list(10))["data"]["activities"]["edges"]

    async with aclosing(client.stream(after=edges[-1]["cursor"])) as stream:
        first, caught_up = await anext(stream), await anext(stream)
        hub.publish(await commit(database, [usage(project.id, "live")]))
        live = await anext(stream)

    assert first == {"cursor": edges[-1]["cursor"], "missed": 0, "events": []}
    assert [event["id"] for event in caught_up["events"]] == [edge["node"]["id"] for edge in edges[-2::-1]]
    assert caught_up["events"] == [edge["node"] for edge in edges[-2::-1]]
    assert (live["cursor"], len(live["events"])) == (encode_cursor(project.id, 5), 1)


async def test_a_stream_picks_kinds(database: Database, hub: Hub, project: Project, client: Client) -> None:
    async with aclosing(client.stream(kinds=["BUG"])) as stream:
        await anext(stream)
        hub.publish(await commit(database, [*usages(project.id, 2), activity(project.id, "b")]))
        frame = await anext(stream)
    assert [event["kind"] for event in frame["events"]] == ["BUG"]
    assert frame["cursor"] == encode_cursor(project.id, 3)


@pytest.mark.parametrize("place", [(1, 1), (0, 3), None])
async def test_cursors_of_others_and_of_the_future_are_refused(
    database: Database, project: Project, client: Client, place: tuple[int, int] | None
) -> None:
    await commit(database, usages(project.id, 2))
    cursor = encode_cursor(project.id + place[0], place[1]) if place else "garbage"

    answer = await client.list(3, after=cursor)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": "after"}

    with pytest.raises(Exception, match="not a cursor of this project"):
        await anext(client.stream(after=cursor))


async def test_a_key_that_only_sends_may_not_read(database: Database, hub: Hub, project: Project) -> None:
    sender = Client(database, hub, project, Role.INGEST)
    assert (await sender.list(3))["errors"][0]["extensions"]["code"] == "FORBIDDEN"
