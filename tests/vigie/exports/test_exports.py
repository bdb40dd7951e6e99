"""Files of calls and of daily sums: complete, harmless in a spreadsheet, and good for the way back."""

import asyncio
import datetime as dt
import tracemalloc
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from integrations.prices import ListPrices
from models import ApiCall, Database, Project, UsageEvent
from realtime.facts import ApiCallFact, UsageFact, columns_of
from resolvers.attribute_dimensions import declare_dimensions
from resolvers.events.inputs import ApiCallInput, UsageEventInput
from resolvers.events.writer import Writer
from resolvers.exports.cells import guarded, unguarded
from resolvers.exports.columns import API_CALLS, USAGE
from resolvers.exports.facts import PAGE, export_facts
from resolvers.metrics.periods import make_period
from resolvers.projects import create_project
from resolvers.usage_events import UsageFilter, conditions_of
from tests.databases import only_sqlite
from tests.resolvers.events.events import call, send, usage
from tests.resolvers.metrics.asking import Client
from tests.vigie.exports.files import EVER, Files, replayed

TIME = "2026-11-01T12:00:00.123456Z"
TEXTS = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\t=1",
    "'=1",
    "''",
    "'plain",
    'a,"b"\r\nc',
    "two\nlines",
    "ünïcode",
    "＝1",
    " =1",
    "007",
]


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    writer = Writer(database, ListPrices())
    await writer.start()
    yield writer
    await writer.stop()


def tricky() -> list[dict[str, Any]]:
    """A call for each text that a file may stumble over, and some that have everything."""
    everything = usage(
        "everything",
        time=TIME,
        model="gpt-4o",
        operation="chat",
        subject="s",
        environment="prod",
        traceId="t",
        sessionId="s",
        status="error",
        error={"type": "RateLimitError", "message": "=slow\ndown"},
        durationMs=812.5000000001,
        timeToFirstTokenMs=0.25,
        tokens={
            "input": 374,
            "output": 44,
            "cacheRead": 10,
            "cacheWrite": 20,
            "reasoning": 4,
            "inputAudio": 1,
            "outputAudio": 2,
            "inputImage": 3,
            "outputImage": 4,
        },
        estimated=True,
        attributes={"feature": "=summary", "n": 1.5, "deep": [{"a": "b,\n"}]},
        serviceTier="default",
        rawUsage={"prompt_tokens": 374},
    )
    billed = usage("billed", time=TIME, model="gpt-4o", tokens={"input": 10**6}, costUsd="2.500000000001")
    texts = [usage(f"usage {text}", time=TIME, subject=text, model=text) for text in TEXTS]
    calls = [call(f"call {text}", time=TIME, subject=text, route=text, cache="hit") for text in TEXTS]
    whole = call("call", time=TIME, durationMs=1.5, requestBytes=1, responseBytes=2**40, attributes={"a": "\\"})
    return [everything, billed, *texts, *calls, whole]


async def facts(database: Database, project: Project) -> list[dict[str, Any]]:
    """Everything stored but the project and the place in its log."""
    found = []
    async with database.read() as session:
        for table, fact in ((UsageEvent, UsageFact), (ApiCall, ApiCallFact)):
            names = [name for name in columns_of(fact) if name not in ("project_id", "seq", "api_key_id")]
            columns = [getattr(table, name) for name in names]
            rows = await session.rows(select(*columns).where(table.project_id == project.id).order_by(table.id))
            found += [dict(zip(names, row, strict=True)) for row in rows]
    return found


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_what_was_exported_is_replayed_as_it_was(
    database: Database, project: Project, writer: Writer, form: str
) -> None:
    assert (await send(writer, project.id, tricky())).rejected == []
    async with database.write() as session:
        empty = await create_project(session, name="empty", actor="tests")
    files = Files(database, project)
    for name in ("usage", "api-calls"):
        recorded = await send(writer, empty.id, replayed(await files.get(f"{name}.{form}")))
        assert recorded.rejected == []
    assert await facts(database, empty) == await facts(database, project)


@only_sqlite
async def test_a_cell_is_no_formula_and_a_number_is_one(database: Database, project: Project, writer: Writer) -> None:
    await send(writer, project.id, tricky())
    rows = {row["id"]: row for row in await Files(database, project).rows("usage.csv")}
    for text in TEXTS:
        subject = rows[f"usage {text}"]["subject"]
        assert not subject.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
        assert unguarded(subject) == text
    row = rows["everything"]
    assert (row["time"], row["durationMs"], row["estimated"]) == (TIME, "812.5000000001", "true")
    assert (row["costSource"], row["reportedCostUsd"]) == ("BOOK", "")
    assert Decimal(row["costUsd"]) > 0
    billed = rows["billed"]
    assert (billed["costUsd"], billed["costSource"], billed["reportedCostUsd"]) == (
        "2.500000000001",
        "PROVIDER",
        "2.500000000001",
    )


@pytest.mark.parametrize("text", [*TEXTS, "", "'", "' '=x", "plain"])
def test_a_guarded_text_is_read_as_it_was(text: str) -> None:
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize(("kind", "columns"), [(UsageEventInput, USAGE), (ApiCallInput, API_CALLS)])
def test_files_have_every_field_of_an_event(kind: type, columns: Any) -> None:
    fields = set()
    for field in msgspec.structs.fields(kind):
        parts = [part for part in getattr(field.type, "__args__", ()) if isinstance(part, type)]
        inner = next((part for part in parts if issubclass(part, msgspec.Struct)), None)
        names = [f".{part.encode_name}" for part in msgspec.structs.fields(inner)] if inner else [""]
        fields |= {field.encode_name + name for name in names}
    # What was said is kept apart, for fewer days: it does not leave with the figures.
    assert fields - {"content.input", "content.output"} == {column.field for column in columns} - {None}


async def test_a_file_holds_what_the_query_answers(database: Database, project: Project, writer: Writer) -> None:
    events = [
        usage(
            f"{number}",
            time=f"2026-10-{1 + number % 31:02}T12:00:00Z",
            model=f"m{number % 3}",
            subject=f"s{number % 5}",
        )
        for number in range(PAGE + 50)
    ]
    await send(writer, project.id, events)
    files = Files(database, project)
    rows = await files.rows("usage.csv", model=["m0", "m1"], subjects="s0")
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert {row["id"] for row in rows} == {e["id"] for e in events if e["model"] != "m2" and e["subject"] == "s0"}
    assert len(await files.rows("usage.csv")) == len(events)
    period = {"from": EVER["from"], "to": EVER["to"], "timeZone": "Europe/Paris"}
    totals = "usage { totals { requests costUsd tokens { total } } }"
    answer = (await Client(database, project).metrics(totals, period))["usage"]["totals"]
    days = await files.rows("usage-daily.csv", timeZone="Europe/Paris")
    assert sum(int(day["requests"]) for day in days) == answer["requests"] == len(events)
    assert {(day["day"], day["model"]) for day in days} == {(event["time"][:10], event["model"]) for event in events}
    by_subject = await files.rows(
        "usage-daily.csv", by="subject", **{"from": "2026-10-01T00:00:00Z"}, to="2026-10-31T00:00:00Z"
    )
    assert {row["subject"] for row in by_subject} == {f"s{number}" for number in range(5)}


async def test_a_file_is_of_one_moment(database: Database, project: Project, writer: Writer) -> None:
    await send(writer, project.id, [usage(f"{number}", time=TIME) for number in range(PAGE + 1)])
    answer = await Files(database, project).answer("usage.csv", **EVER)
    as_of = dt.datetime.fromisoformat(answer.headers["x-as-of"])
    assert dt.datetime.now(dt.UTC) - as_of < dt.timedelta(minutes=1)
    pieces = export_facts(
        database,
        UsageFact,
        project_id=project.id,
        period=make_period(
            start=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            end=dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
            last=None,
            zone="UTC",
            now=as_of,
        ),
        conditions=conditions_of(UsageFilter()),
        last_seq=PAGE + 1,
        as_events=True,
    )
    first = await anext(pieces)
    await send(writer, project.id, [usage("later", time="2026-11-01T13:00:00Z")])
    body = first + b"".join([piece async for piece in pieces])
    assert body.count(b"\n") == PAGE + 1
    assert b"later" not in body


@only_sqlite
async def test_exports_are_for_keys_that_read(database: Database, project: Project) -> None:
    files = Files(database, project)
    for name in ("usage.csv", "usage.jsonl", "api-calls.csv", "usage-daily.csv", "bugs.csv"):
        assert (await files.answer(name, key="nobody")).status_code == 401
        assert (await files.answer(name, key="ingest", **EVER)).status_code == 403
    answer = await files.answer("api-calls.jsonl", last="P1D")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-disposition"] == 'attachment; filename="api-calls.jsonl"'
    assert answer.headers["content-type"].startswith("application/x-ndjson")


async def test_files_of_declared_attributes(database: Database, project: Project, writer: Writer) -> None:
    teams = [{"team": "=search"}, {"team": "chat"}, {"team": 7}, {}]
    times = [f"2026-11-0{day}T12:00:00Z" for day in range(1, 5)]
    await send(
        writer, project.id, [usage(time, time=time, attributes=team) for time, team in zip(times, teams, strict=True)]
    )
    await send(
        writer, project.id, [call(time, time=time, attributes=team) for time, team in zip(times, teams, strict=True)]
    )
    files = Files(database, project)
    refused = await files.answer("usage.csv", last="P30D", **{"attributes.team": "chat"})
    assert (refused.status_code, "is no dimension of this project" in refused.text) == (400, True)
    async with database.write() as session:
        await declare_dimensions(session, project_id=project.id, keys=["team"], actor="tests")
    for name in ("usage", "api-calls"):
        rows = await files.rows(f"{name}.csv", **{"attributes.team": ["=search", "7"]})
        assert [row["id"] for row in rows] == [times[0], times[2]]
        november = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-20T00:00:00Z"}
        days = await files.rows(f"{name}-daily.csv", by="attribute", attribute="team", **november)
        assert [(day["day"][-2:], day["attributes.team"]) for day in days] == [
            ("01", "'=search"),
            ("02", "chat"),
            ("03", "7"),
            ("04", ""),
        ]
        days = await files.rows(f"{name}-daily.csv", **{"attributes.team": "chat"}, **november)
        assert [day["day"] for day in days] == ["2026-11-02"]
        refused = await files.answer(f"{name}-daily.csv", by="attribute", last="P1D")
        assert (refused.status_code, "go together" in refused.text) == (400, True)


@only_sqlite
@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ({}, "A period is `from` and `to`, or `last`."),
        ({"last": "P1M"}, "months and years have no fixed length"),
        ({"last": "P1D", "timeZone": "Mars"}, "is not an IANA time zone"),
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "`from` lies before `to`"),
        ({"last": "P1D", "status": "broken"}, "Invalid enum value 'broken'"),
        ({"last": "P1D", "colour": "red"}, "unknown field `colour`"),
        ({"last": ["P1D", "P2D"]}, "`last` is given 2 times"),
        ({"last": "P1D", "model": ["x"] * 1001}, "at most 1000 values"),
    ],
)
async def test_parameters_that_are_not_understood(
    database: Database, project: Project, parameters: dict[str, Any], detail: str
) -> None:
    answer = await Files(database, project).answer("usage.csv", **parameters)
    assert answer.status_code == 400
    assert detail in answer.json()["detail"]


async def test_a_large_export_takes_little_memory(database: Database, project: Project, writer: Writer) -> None:
    for start in range(0, 20_000, 5000):
        await send(writer, project.id, [usage(f"{start + number}", time=TIME) for number in range(5000)])
    files = Files(database, project)
    await files.get("usage.csv", model="nothing")
    pieces = export_facts(
        database,
        UsageFact,
        project_id=project.id,
        period=make_period(
            start=None, end=None, last=dt.timedelta(days=300), zone="UTC", now=dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
        ),
        conditions=[],
        last_seq=20_000,
        as_events=False,
    )
    tracemalloc.start()
    try:
        lines = 0
        async for piece in pieces:
            lines += piece.count(b"\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    await asyncio.sleep(0)
    assert lines == 20_001
    assert peak < 12 << 20
