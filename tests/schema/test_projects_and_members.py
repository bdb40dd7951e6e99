"""Projects, members and the audit log, by GraphQL."""

from typing import Any

import orjson
import pytest

from models import Database, Project
from resolvers.principals import FIRST_PROJECT, Principal, Role
from resolvers.projects import create_project
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.paging import encode_cursor
from schema.requests import GraphQLRequest
from tests.vigie.issuing import SECRET, token
from vigie.auth import Authenticator
from vigie.tokens import Tokens, TokenTerms

pytestmark = pytest.mark.anyio

ERRORS = "userErrors { code field message }"
SAVE = f"mutation ($input: SaveMemberInput!) {{ saveMember(input: $input) {{ member {{ name role }} {ERRORS} }} }}"
REMOVE = f"mutation ($input: RemoveMemberInput!) {{ removeMember(input: $input) {{ removedName {ERRORS} }} }}"
MEMBERS = """query ($first: Int!, $after: String) {
    members(first: $first, after: $after) {
        totalCount edges { node { name role createdAt updatedAt } } pageInfo { hasNextPage endCursor } } }"""
CREATE = f"""mutation ($name: String!) {{
    createProject(input: {{name: $name}}) {{ project {{ id name }} secret apiKey {{ name role }} {ERRORS} }} }}"""
PROJECTS = "{ projects(first: 50) { totalCount edges { node { name } } } }"
AUDIT = """query ($first: Int!, $after: String, $filter: AuditLogFilter) {
    auditLog(first: $first, after: $after, filter: $filter) {
        totalCount edges { node { time actor action target details } } pageInfo { hasNextPage endCursor } } }"""


class Client:
    """Somebody of a project."""

    def __init__(self, database: Database, project: Project, role: Role = Role.ADMIN) -> None:
        terms = TokenTerms(secrets=((None, SECRET),))
        self.authenticator = Authenticator(database, Tokens(terms))
        nothing: Any = None
        self._engine = Engine(schema, Services(database, nothing, nothing, self.authenticator.forget))
        self._principal = Principal(None, "ana@example.com", role, project.id, project.name)

    async def ask(self, document: str, **variables: Any) -> Any:
        prepared = self._engine.prepare(GraphQLRequest(document, variables, None))
        answer: dict[str, Any] = orjson.loads((await self._engine.execute(prepared, self._principal, "request")).body)
        return answer

    async def get(self, document: str, **variables: Any) -> Any:
        (field,) = (await self.ask(document, **variables))["data"].values()
        return field


@pytest.fixture
async def first(database: Database) -> Project:
    """The project whose administrators run the installation."""
    async with database.write() as session:
        return await create_project(session, name=FIRST_PROJECT, actor="tests")


async def test_a_member_comes_with_a_token_until_removed(database: Database, project: Project) -> None:
    client, text = Client(database, project), token(role=None)
    assert await client.authenticator.authenticate(text) is None
    for role in ("READER", "EDITOR"):
        saved = await client.get(SAVE, input={"name": " ana ", "role": role})
        assert saved == {"member": {"name": "ana", "role": role}, "userErrors": []}
    principal = await Client(database, project).authenticator.authenticate(text)
    assert principal is not None
    assert principal.role is Role.EDITOR
    assert (await client.get(REMOVE, input={"name": "ana"}))["removedName"] == "ana"
    assert await client.authenticator.authenticate(text) is None
    for gone in ("ana", "ana\0", ""):
        refused = await client.get(REMOVE, input={"name": gone})
        assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("NOT_FOUND", "name")]


@pytest.mark.parametrize("name", ["", " ", "a" * 256, "a\nb", "a\0b", "\u202eana"])
async def test_a_members_name_can_be_printed(database: Database, project: Project, name: str) -> None:
    refused = await Client(database, project).get(SAVE, input={"name": name, "role": "READER"})
    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("INVALID", "name")]


async def test_members_are_paged_by_name_and_stay_inside_their_project(
    database: Database, project: Project, first: Project
) -> None:
    client, other = Client(database, project), Client(database, first)
    for name in ("cy", "ana", "bob"):
        await client.get(SAVE, input={"name": name, "role": "READER"})
    page = await client.get(MEMBERS, first=2)
    rest = await client.get(MEMBERS, first=2, after=page["pageInfo"]["endCursor"])
    assert [edge["node"]["name"] for edge in page["edges"] + rest["edges"]] == ["ana", "bob", "cy"]
    assert (page["totalCount"], rest["pageInfo"]["hasNextPage"]) == (3, False)
    assert (await other.get(MEMBERS, first=2))["edges"] == []
    assert (await other.get(REMOVE, input={"name": "ana"}))["userErrors"][0]["code"] == "NOT_FOUND"
    answer = await client.ask(MEMBERS, first=2, after=encode_cursor("members", ("\0",)))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_administrators_of_the_first_project_make_projects(database: Database, first: Project) -> None:
    client = Client(database, first)
    made = await client.get(CREATE, name="shop")
    assert made["project"]["name"] == "shop"
    assert made["apiKey"] == {"name": "first admin key", "role": "ADMIN"}
    principal = await client.authenticator.authenticate(made["secret"])
    assert principal is not None
    assert (principal.project_name, principal.role, principal.runs_installation) == ("shop", Role.ADMIN, False)
    again = await client.get(CREATE, name="shop")
    assert (again["project"], again["secret"], again["userErrors"][0]["code"]) == (None, None, "CONFLICT")
    assert (await client.get(CREATE, name="No name!"))["userErrors"][0]["field"] == "name"
    names = [edge["node"]["name"] for edge in (await client.get(PROJECTS))["edges"]]
    assert names == [FIRST_PROJECT, "shop"]


@pytest.mark.parametrize("role", [Role.READER, Role.EDITOR, Role.ADMIN])
async def test_nobody_else_makes_projects_or_sees_another(
    database: Database, project: Project, first: Project, role: Role
) -> None:
    everybody = [Client(database, project, role)]
    if role is not Role.ADMIN:
        everybody.append(Client(database, first, role))
    for client, own in zip(everybody, (project, first), strict=False):
        answer = await client.ask(CREATE, name="mine")
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        seen = await client.get(PROJECTS)
        assert (seen["totalCount"], [edge["node"]["name"] for edge in seen["edges"]]) == (1, [own.name])


async def test_the_audit_log_tells_who_changed_what_from_what(
    database: Database, project: Project, first: Project
) -> None:
    client = Client(database, project)
    for role in ("READER", "ADMIN"):
        await client.get(SAVE, input={"name": "bob", "role": role})
    made = await client.get('mutation { createApiKey(input: {name: "ci", role: READER}) { secret } }')
    log = await client.get(AUDIT, first=50)
    newest, saved, added, *_, oldest = (edge["node"] for edge in log["edges"])
    assert (newest["action"], newest["target"], newest["actor"]) == ("api_key.created", "api_key:1", "ana@example.com")
    assert saved["details"] == {"before": {"role": "reader"}, "after": {"role": "admin"}}
    assert added["details"] == {"before": None, "after": {"role": "reader"}}
    assert oldest["action"] == "project.created"
    assert made["secret"] not in repr(log)
    pages, after = [], None
    while True:
        page = await client.get(AUDIT, first=1, after=after)
        pages += page["edges"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [edge["node"] for edge in pages] == [edge["node"] for edge in log["edges"]]
    assert log["totalCount"] == len(pages)
    assert [edge["node"]["actor"] for edge in (await Client(database, first).get(AUDIT, first=9))["edges"]] == ["tests"]


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ({"action": "member.saved"}, 2),
        ({"action": "member"}, 3),
        ({"action": "m%"}, 0),
        ({"actor": "ana@example.com", "target": "member:bob"}, 2),
        ({"actor": "ana"}, 0),
        ({"actor": " "}, 4),
        ({"period": {"last": "PT1H"}, "action": "member.removed"}, 1),
        ({"period": {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}}, 0),
    ],
)
async def test_the_audit_log_is_filtered(
    database: Database, project: Project, conditions: dict[str, Any], count: int
) -> None:
    client = Client(database, project)
    for name in ("ana", "bob"):
        await client.get(SAVE, input={"name": name, "role": "READER"})
    await client.get(REMOVE, input={"name": "bob"})
    found = await client.get(AUDIT, first=50, filter=conditions)
    assert (len(found["edges"]), found["totalCount"]) == (count, count)


@pytest.mark.parametrize("conditions", [{"actor": "a\0"}, {"action": "x" * 301}, {"period": {}}])
async def test_filters_that_make_no_sense_are_refused(
    database: Database, project: Project, conditions: dict[str, Any]
) -> None:
    answer = await Client(database, project).ask(AUDIT, first=1, filter=conditions)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("cursor", [(1, "\0"), (-1, "x"), (1, "x"), (2**62, "x")])
async def test_a_cursor_of_another_hand_is_refused(
    database: Database, project: Project, cursor: tuple[int, str]
) -> None:
    answer = await Client(database, project).ask(AUDIT, first=1, after=encode_cursor("auditLog", cursor))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("role", [Role.INGEST, Role.READER, Role.EDITOR])
async def test_only_administrators_manage_and_look(database: Database, project: Project, role: Role) -> None:
    client = Client(database, project, role)
    for document, variables in (
        (MEMBERS, {"first": 1}),
        (AUDIT, {"first": 1}),
        (SAVE, {"input": {"name": "ana", "role": "ADMIN"}}),
        (REMOVE, {"input": {"name": "ana"}}),
    ):
        answer = await client.ask(document, **variables)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
