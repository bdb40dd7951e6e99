"""Who may do what, and what the domain refuses in a mutation."""

from typing import Any

import orjson
import pytest
from strawberry.types import get_object_definition

from resolvers.errors import Conflict, LimitReached, NotFound, Refusal, Unavailable
from resolvers.principals import Role, presented_secret
from schema.guards import ADMINISTERS, ANYONE, EDITS, READS, SENDS, Guard, guard_of
from schema.payloads import Payload, UserErrorCode
from schema.requests import GraphQLRequest
from tests.schema.serving import KEYS, SCHEMA, Mutation, Query, Subscription, engine

pytestmark = pytest.mark.anyio


async def run(query: str, role: Role) -> Any:
    runs = engine()
    answer = await runs.execute(runs.prepare(GraphQLRequest(query)), KEYS[f"{role}-key"], "r")
    return orjson.loads(answer.body)


@pytest.mark.parametrize(
    ("guard", "roles"),
    [
        (SENDS, {Role.INGEST, Role.EDITOR, Role.ADMIN}),
        (READS, {Role.READER, Role.EDITOR, Role.ADMIN}),
        (EDITS, {Role.EDITOR, Role.ADMIN}),
        (ADMINISTERS, {Role.ADMIN}),
        (ANYONE, set(Role)),
    ],
)
def test_each_guard_names_its_roles(guard: Guard, roles: set[Role]) -> None:
    assert guard.roles == roles
    assert all(role.name in guard.named for role in roles)


@pytest.mark.parametrize(
    ("query", "roles"),
    [
        ("{ hello }", {Role.READER, Role.EDITOR, Role.ADMIN}),
        ("{ echo(value: 1) }", {Role.READER, Role.EDITOR, Role.ADMIN}),
        ("{ tree { level } }", set(Role)),
        ("mutation { send }", {Role.INGEST, Role.EDITOR, Role.ADMIN}),
        ("mutation { bump(by: 1) { count } }", {Role.EDITOR, Role.ADMIN}),
        ("mutation { administer }", {Role.ADMIN}),
    ],
)
async def test_only_these_roles_pass(query: str, roles: set[Role]) -> None:
    for role in Role:
        answer = await run(query, role)
        codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
        assert codes == ([] if role in roles else ["FORBIDDEN"])


async def test_forbidden_names_the_role_needed_and_the_role_had() -> None:
    (error,) = (await run("mutation { administer }", Role.EDITOR))["errors"]
    assert error["message"] == "`administer` needs a key with role ADMIN; this one is EDITOR."
    assert error["path"] == ["administer"]


def test_every_root_field_shows_its_guard() -> None:
    for root in (Query, Mutation, Subscription):
        for field in get_object_definition(root, strict=True).fields:
            guard = guard_of(field)
            assert guard is not None
            assert str(field.description).endswith(f"Roles: {guard.named}.")
    assert SCHEMA.as_str().count("Roles: ADMIN.") == 1


async def test_a_refusal_becomes_a_user_error() -> None:
    answer = await run("mutation { bump(by: -1) { count userErrors { code field message } } }", Role.EDITOR)
    assert answer["data"] == {
        "bump": {"count": None, "userErrors": [{"code": "INVALID", "field": "by", "message": "Only forward."}]}
    }


@pytest.mark.parametrize("kind", [Refusal, NotFound, Conflict, LimitReached, Unavailable])
def test_every_refusal_has_a_user_error_code(kind: type[Refusal]) -> None:
    (error,) = Payload.refused(kind("No.", field="a.b")).user_errors
    assert (error.code, error.field, error.message) == (UserErrorCode[kind.code], "a.b", "No.")


@pytest.mark.parametrize(
    ("headers", "secret"),
    [
        ({}, None),
        ({"authorization": "Bearer  k "}, "k"),
        ({"authorization": "BEARER k"}, "k"),
        ({"authorization": "Basic k"}, None),
        ({"authorization": "k"}, None),
        ({"x-api-key": " k "}, "k"),
        ({"authorization": "Basic b", "x-api-key": "k"}, "k"),
        ({"authorization": "Bearer a", "x-api-key": "k"}, "a"),
    ],
)
def test_a_key_is_presented_in_either_header(headers: dict[str, str], secret: str | None) -> None:
    assert presented_secret(headers) == secret
