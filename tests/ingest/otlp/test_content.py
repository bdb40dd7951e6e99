"""Prompts and answers in spans: content of the event where the project keeps it, nothing of it elsewhere."""

import json
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from models import Database, IngestReject, Project, UsageContent, UsageEvent
from resolvers.contents.settings import save_settings
from resolvers.events.writer import Writer
from tests.databases import only_sqlite
from tests.ingest.otlp.exporting import CHAT, JSON, PROTOBUF, in_json, in_protobuf, span

MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": "line\nbob@example.com\tsk-abcdefghijklmnopqrst"}]}]
MASKED = [{"role": "user", "parts": [{"type": "text", "content": "line\n[e-mail]\t[token]"}]}]
WAYS: list[tuple[dict[str, Any], Any, Any]] = [
    ({"gen_ai.input.messages": json.dumps(MESSAGES), "gen_ai.output.messages": "[]"}, MASKED, []),
    ({"gen_ai.input.messages": MESSAGES, "gen_ai.output.messages": MESSAGES[0]}, MASKED, MASKED[0]),
    ({"gen_ai.prompt": "bob@example.com", "gen_ai.completion": "done"}, "[e-mail]", "done"),
    ({"input.value": "bob@example.com", "output.value": json.dumps({"a": 1})}, "[e-mail]", {"a": 1}),
    (
        {
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "be kind",
            "gen_ai.prompt.1.content": "bob@example.com",
            "gen_ai.completion.0.content": "done",
        },
        [{"role": "system", "content": "be kind"}, {"content": "[e-mail]"}],
        [{"content": "done"}],
    ),
    (
        {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "bob@example.com",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
        },
        [{"role": "user", "content": "[e-mail]"}],
        [{"tool_calls.0.tool_call.function.name": "look"}],
    ),
]


@only_sqlite
@pytest.mark.parametrize(("encode", "headers"), [(in_protobuf, PROTOBUF), (in_json, JSON)])
async def test_content_of_spans(
    door: httpx2.AsyncClient, database: Database, writer: Writer, project: Project, encode: Any, headers: dict[str, str]
) -> None:
    spans = [span(number, CHAT | said) for number, (said, _, _) in enumerate(WAYS, 1)]
    await door.post("/v1/traces", content=encode(spans), headers=headers)
    async with database.write() as session:
        assert await session.scalars(select(UsageContent)) == []
        assert len(await session.scalars(select(UsageEvent))) == len(WAYS)
        await save_settings(session, project_id=project.id, enabled=True, actor="tests")
    writer.terms.forget(project.id)

    spans = [span(number, CHAT | said) for number, (said, _, _) in enumerate(WAYS, 101)]
    await door.post("/v1/traces", content=encode(spans), headers=headers)
    async with database.read() as session:
        rows = await session.scalars(select(UsageContent).order_by(UsageContent.id))
    kept = [tuple(json.loads(side or "null") for side in (row.input, row.output)) for row in rows]
    assert kept == [(sent, received) for _, sent, received in WAYS]


@only_sqlite
async def test_a_refused_span_is_noted_without_what_it_says(
    door: httpx2.AsyncClient, database: Database, writer: Writer, project: Project
) -> None:
    said = CHAT | {"gen_ai.prompt": "the secret of the prompt"}
    spans = [span(1, said | {"gen_ai.usage.input_tokens": "many"}), span(2, said, startTimeUnixNano=None)]
    await door.post("/v1/traces", content=in_json(spans), headers=JSON)
    await door.post("/v1/traces", content=b"nothing that decodes", headers=JSON)
    await writer.rejects.write(database)
    async with database.read() as session:
        noted = await session.scalars(select(IngestReject).order_by(IngestReject.id))
    assert [(one.door, one.field) for one in noted] == [("otlp", "tokens.input"), ("otlp", "time")]
    for number, one in enumerate(noted, 1):
        assert json.loads(one.sample or "{}") == {"type": "span", "id": f"{number:016x}", "model": "gpt-4o"}
