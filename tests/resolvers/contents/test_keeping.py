"""Content is kept where a project asks for it: masked, cut, stored with its event, once, and for its days."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from models import ApiCall, Database, Project, UsageContent, UsageEvent
from realtime.facts import Committed
from resolvers.contents.defaults import DEFAULTS
from resolvers.contents.expiry import expire_contents
from resolvers.contents.masking import MaskingRule
from resolvers.contents.reading import contents_by_key
from resolvers.contents.settings import save_settings
from resolvers.errors import Invalid
from resolvers.events.decoding import from_objects
from resolvers.events.inputs import UsageEventInput
from resolvers.events.recording import record
from resolvers.events.writer import Writer
from tests.resolvers.events.conftest import published, writer
from tests.resolvers.events.events import NOW, at, call, send, usage

__all__ = ["published", "writer"]

MESSAGES = [{"role": "user", "content": "I am bob@example.com"}]


@pytest.fixture
def project_id(project: Project) -> int:
    return project.id


async def save(database: Database, writer: Writer, project_id: int, **settings: Any) -> None:
    async with database.write() as session:
        await save_settings(session, project_id=project_id, actor="tests", **settings)
    writer.terms.forget(project_id)


async def kept(database: Database, project_id: int) -> dict[str, tuple[Any, Any, bool, bool]]:
    async with database.read() as session:
        keys = await session.rows(select(UsageContent.project_id, UsageContent.time, UsageContent.id))
        found = await contents_by_key(session, [(key[0], key[1], key[2]) for key in keys])
    return {
        key[2]: (content.input, content.output, content.input_truncated, content.output_truncated)
        for key, content in found.items()
        if key[0] == project_id
    }


async def test_without_settings_nothing_is_kept_or_masked(
    database: Database, writer: Writer, project_id: int, published: list[Committed]
) -> None:
    event = usage("a", content={"input": "a prompt", "output": MESSAGES}, attributes={"mail": "bob@example.com"})
    recorded = await send(writer, project_id, [event])
    assert (recorded.accepted, recorded.rejected) == (1, [])
    assert await kept(database, project_id) == {}
    async with database.read() as session:
        (row,) = await session.scalars(select(UsageEvent))
    assert row.attributes == {"mail": "bob@example.com"}
    (committed,) = published
    assert b"prompt" not in orjson.dumps(repr(committed))


async def test_content_is_masked_and_stored_with_its_event_once(
    database: Database, writer: Writer, project_id: int
) -> None:
    await save(database, writer, project_id, enabled=True)
    events = [
        usage("text", content={"input": "mail bob@example.com", "output": "done"}),
        usage("messages", content={"input": MESSAGES}),
        usage("odd", content={"input": "a\x00b", "output": {"deep": [None, 1.5, True]}}),
        usage("parsed", content={"input": orjson.dumps(MESSAGES).decode(), "output": "{not JSON}"}),
        usage("none", content={"input": None}),
        usage("bad", model="", content={"input": "refused"}),
        usage("text", content={"input": "the second of its name"}),
    ]
    recorded = await send(writer, project_id, events)
    assert (recorded.accepted, recorded.duplicates, len(recorded.rejected)) == (5, 1, 1)
    recorded = await send(writer, project_id, [usage("text", content={"input": "again"}), usage("new")])
    assert (recorded.accepted, recorded.duplicates) == (1, 1)
    assert await kept(database, project_id) == {
        "text": ("mail [e-mail]", "done", False, False),
        "messages": ([{"role": "user", "content": "I am [e-mail]"}], None, False, False),
        "parsed": ([{"role": "user", "content": "I am [e-mail]"}], "{not JSON}", False, False),
        "odd": ("a\x00b", {"deep": [None, 1.5, True]}, False, False),
    }


async def test_the_same_holds_at_every_door(database: Database, writer: Writer, project_id: int) -> None:
    await save(database, writer, project_id, enabled=True)
    item = usage("a", time=NOW, content={"input": MESSAGES, "output": "\ud800 half"})
    decoded = from_objects(UsageEventInput, [item])
    assert (await record(writer, project_id=project_id, decoded=decoded, door="graphql")).accepted == 1
    assert (await kept(database, project_id))["a"][:2] == ([{"role": "user", "content": "I am [e-mail]"}], "? half")


async def test_attributes_messages_and_raw_usage_are_masked_too(
    database: Database, writer: Writer, project_id: int
) -> None:
    await save(database, writer, project_id, masking=DEFAULTS)
    said = {"type": "RateLimitError", "message": "no bob@example.com"}
    attributes = {"who": "bob@example.com", "card": 4111111111111111, "tries": 2}
    await send(
        writer,
        project_id,
        [
            usage("a", status="error", error=said, attributes=attributes, content={"input": "x"}),
            call("b", attributes=attributes),
        ],
    )
    async with database.read() as session:
        (event,), (served,) = await session.scalars(select(UsageEvent)), await session.scalars(select(ApiCall))
    masked = {"who": "[e-mail]", "card": "[card]", "tries": 2}
    assert (event.error_message, event.attributes, served.attributes) == ("no [e-mail]", masked, masked)
    assert await kept(database, project_id) == {}


async def test_what_is_too_large_is_cut_and_says_so(database: Database, writer: Writer, project_id: int) -> None:
    await save(database, writer, project_id, enabled=True, most_bytes=256, masking=[MaskingRule("x", "xx", "yyyy")])
    messages = [{"role": "user", "content": "word " * 200}]
    events = [
        usage("fits", content={"input": "é" * 128, "output": "z" * 256}),
        usage("text", content={"input": "é" * 129, "output": "z" * 257}),
        usage("json", content={"input": messages, "output": "x" * 256}),
    ]
    await send(writer, project_id, events)
    found = await kept(database, project_id)
    assert found["fits"] == ("é" * 128, "z" * 256, False, False)
    assert found["text"] == ("é" * 128, "z" * 256, True, True)
    beginning, output, *truncated = found["json"]
    assert truncated == [True, True]
    assert orjson.dumps(messages).decode().startswith(beginning[:200])
    assert (len(beginning.encode()) <= 256, output) == (True, "y" * 256)


async def test_content_ends_after_its_days_and_only_of_its_project(
    database: Database, writer: Writer, project_id: int
) -> None:
    await save(database, writer, project_id, enabled=True, days_kept=3)
    day = 24 * 3600
    events = [usage(str(days), seconds_ago=days * day, content={"input": days}) for days in range(6)]
    await send(writer, project_id, events)
    assert sorted(await kept(database, project_id)) == ["0", "1", "2"]
    await save(database, writer, project_id, days_kept=2)
    now = NOW + dt.timedelta(hours=1)
    assert await expire_contents(database, now=now) == 1
    assert sorted(await kept(database, project_id)) == ["0", "1"]
    assert await expire_contents(database, now=now) == 0


async def test_saving_changes_what_is_said_and_refuses_what_cannot_be(
    database: Database, writer: Writer, project_id: int
) -> None:
    await save(database, writer, project_id, enabled=True, masking=[])
    await save(database, writer, project_id, days_kept=7)
    await send(writer, project_id, [usage("a", content={"input": "bob@example.com"})])
    assert (await kept(database, project_id))["a"][0] == "bob@example.com"
    refused: Sequence[dict[str, Any]] = [
        {"days_kept": 0},
        {"days_kept": 3661},
        {"most_bytes": 255},
        {"most_bytes": 262_145},
        {"masking": [MaskingRule("a", "(", "")]},
    ]
    for settings in refused:
        with pytest.raises(Invalid):
            await save(database, writer, project_id, **settings)


async def test_content_left_by_nobody_gives_way(database: Database, writer: Writer, project_id: int) -> None:
    await save(database, writer, project_id, enabled=True)
    async with database.write() as session:
        session.add(
            UsageContent(
                project_id=project_id,
                time=dt.datetime.fromisoformat(at(60)),
                id="a",
                input='"old"',
                input_truncated=True,
                output=None,
                output_truncated=False,
            )
        )
    assert (await send(writer, project_id, [usage("a", content={"input": "new"})])).accepted == 1
    assert (await kept(database, project_id))["a"] == ("new", None, False, False)
