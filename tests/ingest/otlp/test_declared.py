"""What a project declares as a dimension is read from attributes of the same name, and nothing else of theirs is."""

from typing import Any

import httpx2
import pytest

from models import Database, Project, UsageEvent
from resolvers.attribute_dimensions import declare_dimensions
from resolvers.events.writer import Writer
from tests.databases import only_sqlite
from tests.ingest.otlp.exporting import CHAT, JSON, PROTOBUF, in_json, in_protobuf, served, span
from tests.resolvers.events.events import check_log

KEYS = ["feature", "team", "user.id", "gen_ai.prompt", "gen_ai.prompt.0.content"]
SECRET = {"gen_ai.prompt": "the secret", "gen_ai.prompt.0.content": "the secret"}


@only_sqlite
@pytest.mark.parametrize(("encode", "headers"), [(in_protobuf, PROTOBUF), (in_json, JSON)])
async def test_declared_keys_are_read_from_plain_attributes(
    door: httpx2.AsyncClient, database: Database, writer: Writer, project: Project, encode: Any, headers: dict[str, str]
) -> None:
    said = [
        span(1, CHAT | SECRET | {"feature": "search", "other": "x"}),
        span(2, CHAT | {"feature": "search", "vigie.attributes.feature": "chat", "team": "red"}),
        span(3, CHAT | {"feature": 7, "user.id": "bob"}),
        served(4),
    ]
    await door.post("/v1/traces", content=encode(said, {"team": "blue"}), headers=headers)
    before = await check_log(database, project.id)
    assert [fact.attributes for fact in before] == [{}, {"feature": "chat"}, {}, {}]
    async with database.write() as session:
        await declare_dimensions(session, project_id=project.id, keys=KEYS, actor="tests")
    writer.terms.forget(project.id)

    again = [{**each, "spanId": f"{number:016x}"} for number, each in enumerate(said, 101)]
    await door.post("/v1/traces", content=encode(again, {"team": "blue"}), headers=headers)
    facts = (await check_log(database, project.id))[len(before) :]
    assert [fact.attributes for fact in facts] == [
        {"feature": "search", "team": "blue"},
        {"feature": "chat", "team": "red"},
        {"feature": 7, "team": "blue", "user.id": "bob"},
        {"team": "blue"},
    ]
    assert [fact.subject for fact in facts if isinstance(fact, UsageEvent)] == [None, None, "bob"]
