"""Refused events are noted beside the path: masked, few of each minute, counted beyond, gone after their days."""

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import insert, select

from models import Database, IngestReject, Project
from resolvers.contents.masking import Masking
from resolvers.events.decoding import from_json, from_lines, from_objects
from resolvers.events.inputs import UsageEventInput
from resolvers.events.recording import record
from resolvers.events.writer import Writer
from resolvers.metrics.periods import Period
from resolvers.rejects import listing
from resolvers.rejects.listing import expire_rejects, list_rejects
from resolvers.rejects.noting import A_MINUTE
from resolvers.rejects.samples import sample_of
from tests.resolvers.events.conftest import published, writer
from tests.resolvers.events.events import NOW, send, usage

__all__ = ["published", "writer"]

NOTHING_MASKED = Masking(())


async def rejects(database: Database, writer: Writer, project: Project) -> list[IngestReject]:
    await writer.rejects.write(database)
    now = dt.datetime.now(dt.UTC)
    period = Period(now - dt.timedelta(days=1), now + dt.timedelta(minutes=1), ZoneInfo("UTC"))
    async with database.read() as session:
        return list(await list_rejects(session, project_id=project.id, period=period, limit=1000, after=None))


async def test_every_refused_event_is_noted_with_its_door_and_reason(
    database: Database, writer: Writer, project: Project
) -> None:
    secret = {"input": "the prompt"}
    body = {
        "events": [
            usage("fine"),
            usage("a", tokens={"input": 1, "cacheRead": 2}, content=secret, attributes={"mail": "bob@example.com"}),
            usage("b", content=secret, prompt="the prompt"),
            usage("c", time="1999-01-01T00:00:00Z", content=secret),
        ]
    }
    await record(writer, project_id=project.id, decoded=from_json(orjson.dumps(body)), door="json")
    lines = b'{"type":"usage","model":"the prompt 42\n[1]\n'
    await record(writer, project_id=project.id, decoded=from_lines(lines), door="json")
    item = usage("d", time=NOW, model="", content=secret)
    decoded = from_objects(UsageEventInput, [item])
    await record(writer, project_id=project.id, decoded=decoded, door="graphql")

    found = await rejects(database, writer, project)

    assert [(one.door, one.code, one.field, one.count) for one in found][::-1] == [
        ("json", "INVALID", "tokens.input", 1),
        ("json", "INVALID", "prompt", 1),
        ("json", "TIME_OUT_OF_RANGE", "time", 1),
        ("json", "INVALID", None, 1),
        ("json", "INVALID", None, 1),
        ("graphql", "INVALID", "model", 1),
    ]
    samples = [one.sample or "" for one in found][::-1]
    assert orjson.loads(samples[0]) | {"time": ""} == {
        "type": "usage",
        "time": "",
        "model": "gpt-4",
        "id": "a",
        "provider": "openai",
        "tokens": {"input": 1, "cacheRead": 2},
        "attributes": {"mail": "[e-mail]"},
        "content": "***",
    }
    assert orjson.loads(samples[1])["prompt"] == "***"
    assert samples[3:5] == ['{"xxxx":"xxxxx","xxxxx":"xxx xxxxxx 00', '"(list)"']
    assert not [sample for sample in samples if "the prompt" in sample]
    assert all("at least" in one.reason for one in found if one.field == "tokens.input")


async def test_beyond_so_many_a_minute_refusals_are_counted(
    database: Database, writer: Writer, project: Project
) -> None:
    await send(writer, project.id, [usage(model="") for _ in range(1000)] + [usage(time="1999-01-01T00:00:00Z")] * 7)
    assert len(await rejects(database, writer, project)) == A_MINUTE
    writer.rejects._minute -= dt.timedelta(minutes=2)
    found = await rejects(database, writer, project)
    assert len(found) == A_MINUTE + 2
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.code] += one.count
    assert counts == {"INVALID": 1000, "TIME_OUT_OF_RANGE": 7}
    assert "800 more within a minute" in "".join(one.reason for one in found)


async def test_what_cannot_be_written_waits(writer: Writer, database: Database, project: Project) -> None:
    await send(writer, project.id, [usage(model="")])
    broken = Database("sqlite:////nowhere/at/all.db")
    with pytest.raises(Exception, match="unable to open"):
        await writer.rejects.write(broken)
    await broken.close()
    assert len(await rejects(database, writer, project)) == 1


async def test_they_end_after_a_week_and_beyond_so_many(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = dt.datetime.now(dt.UTC)
    row = {"project_id": project.id, "door": "json", "code": "INVALID", "reason": "", "count": 1}
    rows = [row | {"time": now - dt.timedelta(days=days), "id": str(days)} for days in range(10)]
    async with database.write() as session:
        await session.run_many(insert(IngestReject), rows)
    assert await expire_rejects(database, now=now) == 2
    monkeypatch.setattr(listing, "MOST_ROWS", 5)
    assert await expire_rejects(database, now=now) == 3
    async with database.read() as session:
        assert set(await session.scalars(select(IngestReject.id))) == {"0", "1", "2", "3", "4"}


@pytest.mark.parametrize(
    "sent", [None, {}, [], "text", 5, {"a": "b" * 9999}, {"time": {"a": 1}}, {1: 2}, b"\xff" * 5000]
)
def test_a_sample_is_small_whatever_was_sent(sent: object) -> None:
    sample = sample_of(sent, NOTHING_MASKED)
    assert (sample is None) == (sent is None)
    assert len((sample or "").encode()) <= 1024


def test_a_sample_of_much_is_cut() -> None:
    sent = {
        "type": "usage",
        "attributes": {str(key): "ß" * 5000 for key in range(5000)},
        **dict.fromkeys(map(str, range(99))),
    }
    assert len((sample_of(sent, NOTHING_MASKED) or "").encode()) <= 1024
