"""`connections`: an administrator sees who listens, with the figures, and nobody else does."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import orjson
import pytest

from models import Database, Project
from resolvers.api_keys import create_api_key
from resolvers.connections import Connection, Connections
from resolvers.principals import Principal, Role
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.paging import encode_cursor
from schema.requests import GraphQLRequest

QUERY = """
query ($first: Int!, $after: String) {
  connections(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node {
      id process transport since address operations lag queue queuedBytes sentBytes apiKey { name prefix role }
    } }
  }
}
"""


class Asking:
    def __init__(self, database: Database, project: Project) -> None:
        self.connections = Connections("vigie-0:7")
        nothing: Any = None
        self._engine = Engine(schema, Services(database, nothing, nothing, connections=self.connections))
        self._project = project
        self.open = ExitStack()

    async def __call__(self, query: str = QUERY, role: Role = Role.ADMIN, **variables: Any) -> Any:
        principal = Principal(1, "tests", role, self._project.id, self._project.name)
        request = GraphQLRequest(query, {"first": 10} | variables, None)
        return orjson.loads((await self._engine.execute(self._engine.prepare(request), principal, "request")).body)

    def hold(self, key_id: int, *, project_id: int | None = None, transport: str = "websocket") -> Connection:
        held = Connection(transport=transport, address="192.0.2.7", end=lambda _: None)
        self.open.enter_context(self.connections.open(held))
        owner = self._project.id if project_id is None else project_id
        self.connections.admit(held, Principal(key_id, "name", Role.READER, owner, "acme"))
        return held


@pytest.fixture
def asking(database: Database, project: Project) -> Iterator[Asking]:
    asking = Asking(database, project)
    with asking.open:
        yield asking


async def test_each_socket_is_shown_with_its_key_and_figures(
    asking: Asking, database: Database, project: Project
) -> None:
    async with database.write() as session:
        key, secret = await create_api_key(
            session, project_id=project.id, name="board", role=Role.READER, actor="tests"
        )
    held = asking.hold(key.id, transport="sse")
    held.operations, held.queued, held.queued_bytes, held.sent_bytes = 3, 2, 4_000, 5_000_000_000
    found = (await asking())["data"]["connections"]
    assert found["totalCount"] == 1
    (node,) = [edge["node"] for edge in found["edges"]]
    assert node.pop("since").endswith("Z")
    assert (await asking("query ($id: ID!) { node(id: $id) { id } }", id=node["id"]))["data"]["node"] == {
        "id": node.pop("id")
    }
    assert node == {
        "process": "vigie-0:7",
        "transport": "SSE",
        "address": "192.0.2.7",
        "operations": 3,
        "lag": 0,
        "queue": 2,
        "queuedBytes": 4_000,
        "sentBytes": 5_000_000_000,
        "apiKey": {"name": "board", "prefix": secret[:12], "role": "READER"},
    }


async def test_other_projects_are_not_seen(asking: Asking, project: Project) -> None:
    asking.hold(1, project_id=project.id + 1)
    assert (await asking())["data"]["connections"]["edges"] == []


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_only_an_administrator_may_look(asking: Asking, role: Role) -> None:
    asking.hold(1)
    own = (await asking())["data"]["connections"]["edges"][0]["node"]["id"]
    assert (await asking(role=role))["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    hidden = await asking("query ($id: ID!) { node(id: $id) { id } }", role=role, id=own)
    assert not (hidden["data"] or {}).get("node")


async def test_pages_cover_all_of_them_once(asking: Asking) -> None:
    held = [asking.hold(1) for _ in range(7)]
    seen, after = [], None
    while True:
        page = (await asking(first=3, after=after))["data"]["connections"]
        seen += [edge["node"]["since"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(held)
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("after", ["x", encode_cursor("apiKeys", (1,)), encode_cursor("connections", ("yesterday", 1))])
async def test_a_foreign_cursor_is_refused(asking: Asking, after: str) -> None:
    assert (await asking(after=after))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("first", [0, 201])
async def test_a_page_is_bounded(asking: Asking, first: int) -> None:
    assert (await asking(first=first))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
