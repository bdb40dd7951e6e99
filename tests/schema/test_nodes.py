"""`node(id:)`: the objects of the key's project, and of no other."""

from typing import Any

import orjson
import pytest

from models import Database, Project
from resolvers.api_keys import create_api_key
from resolvers.bugs.comments import comment_on_bug
from resolvers.bugs.filing import Report, file_bug
from resolvers.principals import Principal, Role
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.ids import encode_id
from schema.requests import GraphQLRequest
from tests.realtime.log import NOW, api_call, commit, make_months, usage


async def node(database: Database, project_id: int, global_id: str, role: Role = Role.ADMIN) -> dict[str, Any]:
    """The answer to `node` for a key of that project and role."""
    nothing: Any = None
    engine = Engine(schema, Services(database, nothing, nothing))
    request = GraphQLRequest("query ($id: ID!) { node(id: $id) { __typename id } }", {"id": global_id})
    answer = await engine.execute(engine.prepare(request), Principal(1, "tests", role, project_id, "p"), "request")
    decoded: dict[str, Any] = orjson.loads(answer.body)
    return decoded


@pytest.fixture
async def ids(database: Database, project: Project) -> dict[str, str]:
    """An object of each type, by its type."""
    await make_months(database, NOW)
    await commit(database, [usage(project.id, "a"), api_call(project.id, "b")])
    async with database.write() as session:
        key, _ = await create_api_key(session, project_id=project.id, name="k", role=Role.ADMIN, actor="tests")
        filed = await file_bug(session, project_id=project.id, actor="tests", report=Report("It broke"))
        number = filed.bug.number
        comment = await comment_on_bug(session, project_id=project.id, actor="tests", number=number, body="Hm.")
    keys = {"UsageEvent": 1, "ApiCall": 2, "Activity": 1, "ApiKey": key.id, "Project": project.id}
    keys |= {"Bug": number, "BugComment": comment.id}
    return {name: encode_id(name, project.id, number) for name, number in keys.items()}


async def test_each_object_is_found_again_by_its_id(database: Database, project: Project, ids: dict[str, str]) -> None:
    for name, global_id in ids.items():
        answer = await node(database, project.id, global_id)
        assert answer["data"] == {"node": {"__typename": name, "id": global_id}}


async def test_the_ids_of_another_project_name_nothing(
    database: Database, project: Project, ids: dict[str, str]
) -> None:
    for global_id in ids.values():
        assert (await node(database, project.id + 1, global_id))["data"] == {"node": None}


async def test_only_an_admin_sees_a_key(database: Database, project: Project, ids: dict[str, str]) -> None:
    assert (await node(database, project.id, ids["ApiKey"], Role.EDITOR))["data"] == {"node": None}


@pytest.mark.parametrize("key", ["-1", "0", "7", "01", "²", "١", "1e3", "\0", str(2**31), str(2**63), "9" * 1000])
async def test_keys_that_no_object_has_name_nothing(database: Database, project: Project, key: str) -> None:
    for name in ("UsageEvent", "ApiCall", "Activity", "ApiKey", "Project", "Bug", "BugComment", "Query", "__class__"):
        assert (await node(database, project.id, encode_id(name, project.id, key)))["data"] == {"node": None}
