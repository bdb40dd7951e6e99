"""Keys and their viewer, by GraphQL."""

import datetime as dt
from typing import Any

import orjson
import pytest

from models import Database, Project
from resolvers.api_keys import create_api_key
from resolvers.principals import Principal, Role
from resolvers.projects import create_project
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.paging import encode_cursor
from schema.requests import GraphQLRequest
from tests.architecture.sources import ROOT
from vigie.auth import Authenticator

pytestmark = pytest.mark.anyio

DOCUMENT = (ROOT / "tests" / "contract" / "metrics.graphql").read_text()
Answer = dict[str, Any]


class Client:
    """A key of a project, who sends the contract's documents."""

    def __init__(self, database: Database, project: Project, role: Role = Role.ADMIN) -> None:
        self.authenticator = Authenticator(database)
        nothing: Any = None
        self._engine = Engine(schema, Services(database, nothing, nothing, self.authenticator.forget))
        self._principal = Principal(1, "tests", role, project.id, project.name)

    async def ask(self, operation: str, **variables: Any) -> Answer:
        prepared = self._engine.prepare(GraphQLRequest(DOCUMENT, variables, operation))
        answer: Answer = orjson.loads((await self._engine.execute(prepared, self._principal, "request")).body)
        return answer

    async def create(self, **fields: Any) -> Answer:
        made = await self.ask("CreateApiKey", input={"name": "ci", "role": "INGEST"} | fields)
        payload: Answer = made["data"]["createApiKey"]
        return payload

    async def revoke(self, global_id: str) -> Answer:
        revoked = await self.ask("RevokeApiKey", input={"id": global_id})
        payload: Answer = revoked["data"]["revokeApiKey"]
        return payload


@pytest.fixture
async def client(database: Database, project: Project) -> Client:
    async with database.write() as session:
        await create_api_key(session, project_id=project.id, name="tests", role=Role.ADMIN, actor="tests")
    return Client(database, project)


async def test_a_viewer_is_told_who_it_is(database: Database, project: Project) -> None:
    for role in Role:
        viewer = (await Client(database, project, role).ask("Viewer"))["data"]["viewer"]
        assert viewer["name"] == "tests"
        assert viewer["role"] == role.name
        assert viewer["project"]["name"] == "acme"


async def test_a_key_is_made_used_revoked_and_then_ends_at_once(client: Client) -> None:
    made = await client.create(expiresAt="2999-01-01T00:00:00Z")
    key, secret = made["apiKey"], made["secret"]
    assert made["userErrors"] == []
    assert secret.startswith(key["prefix"])
    assert (key["name"], key["role"], key["expiresAt"]) == ("ci", "INGEST", "2999-01-01T00:00:00Z")
    assert await client.authenticator.authenticate(secret) is not None
    revoked = await client.revoke(key["id"])
    assert revoked["userErrors"] == []
    assert revoked["apiKey"]["revokedAt"] is not None
    assert await client.authenticator.authenticate(secret) is None
    assert (await client.revoke(key["id"]))["apiKey"] == revoked["apiKey"]


async def test_keys_are_paged_newest_first_without_their_texts(client: Client) -> None:
    secrets = [(await client.create(name=f"key {number}"))["secret"] for number in range(3)]
    seen, after = [], None
    while True:
        page = (await client.ask("ApiKeys", first=2, after=after))["data"]["apiKeys"]
        assert not any(secret in repr(page) for secret in secrets)
        seen += [edge["node"]["name"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["key 2", "key 1", "key 0", "tests"]


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**62])
async def test_a_cursor_of_any_number_is_survived(client: Client, number: int) -> None:
    answer = await client.ask("ApiKeys", first=1, after=encode_cursor("apiKeys", (number,)))
    assert "errors" not in answer


async def test_an_end_in_the_past_is_refused(client: Client) -> None:
    made = await client.create(expiresAt=(dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).isoformat())
    assert made["apiKey"] is None
    assert made["secret"] is None
    assert [(error["code"], error["field"]) for error in made["userErrors"]] == [("INVALID", "expiresAt")]


async def test_the_last_admin_key_is_answered_as_it_is(client: Client) -> None:
    (edge,) = (await client.ask("ApiKeys", first=10))["data"]["apiKeys"]["edges"]
    revoked = await client.revoke(edge["node"]["id"])
    assert revoked["apiKey"] == {"id": edge["node"]["id"], "revokedAt": None}
    assert [error["code"] for error in revoked["userErrors"]] == ["CONFLICT"]


async def test_another_projects_keys_do_not_exist(database: Database, client: Client) -> None:
    async with database.write() as session:
        other = Client(database, await create_project(session, name="other", actor="tests"))
    foreign = await other.create(role="ADMIN")
    revoked = await client.revoke(foreign["apiKey"]["id"])
    assert revoked["apiKey"] is None
    assert [(error["code"], error["field"]) for error in revoked["userErrors"]] == [("NOT_FOUND", "id")]
    assert await other.authenticator.authenticate(foreign["secret"]) is not None
    names = [edge["node"]["id"] for edge in (await client.ask("ApiKeys", first=10))["data"]["apiKeys"]["edges"]]
    assert foreign["apiKey"]["id"] not in names


@pytest.mark.parametrize("role", [Role.INGEST, Role.READER, Role.EDITOR])
async def test_only_admins_see_and_make_keys(database: Database, project: Project, role: Role) -> None:
    client = Client(database, project, role)
    for operation, variables in (
        ("ApiKeys", {"first": 1}),
        ("CreateApiKey", {"input": {"name": "ci", "role": "ADMIN"}}),
        ("RevokeApiKey", {"input": {"id": "x"}}),
    ):
        answer = await client.ask(operation, **variables)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
