"""Erasures: the name goes everywhere, the figures stay, and what comes later is of somebody new."""

import asyncio
import datetime as dt
import random
from pathlib import Path
from typing import Any

import msgspec
import orjson
from sqlalchemy import func, select

from models import (
    AlertSuppression,
    AuditEntry,
    Database,
    Delivery,
    Erasure,
    Project,
    Repricing,
    Subject,
    UsageContent,
    UsageEvent,
)
from realtime.facts import ApiCallFact, Fact, UsageFact
from resolvers.audit_entries import record_audit_entry
from resolvers.erasures import steps
from resolvers.erasures.beginning import begin_erasure
from resolvers.erasures.steps import erase
from resolvers.erasures.words import Replacing
from resolvers.metrics.periods import make_period
from resolvers.repricings.requesting import request_repricing
from resolvers.rollups.rebuild import rebuild
from resolvers.subjects.profiles import set_subject
from resolvers.usage_events import UsageFilter
from tests.resolvers.metrics.asking import API_TOTALS, USAGE_TOTALS
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.rollups.facts import Traffic

NAME = "Zoé Dupont <zoe@example.com>"
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PERIOD = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-21T00:00:00Z", "timeZone": "Europe/Paris"}
FIGURES = f"""
  usage {{ totals {{ {USAGE_TOTALS} }} series(interval: DAY) {{ start totals {{ requests costUsd activeSubjects }} }} }}
  api {{ totals {{ {API_TOTALS} }} series(interval: DAY) {{ start totals {{ requests activeSubjects }} }} }}
"""
BY_SUBJECT = """
  usage { breakdown(by: SUBJECT, orderBy: REQUESTS, first: 50) { edges { node { key totals { requests costUsd } } } } }
"""


async def filled(database: Database, project: Project) -> tuple[Log, Traffic]:
    """Twenty days of traffic of nine subjects; NAME's is in roll-ups, in one kind of them, and in none."""
    log, traffic = Log(database, project, NOW), Traffic(project.id, seed=5, subjects=8)
    traffic.subjects.append(NAME)
    pick, parts = random.Random(6), []
    for _ in range(3):
        facts: list[Fact] = []
        for number in range(150):
            time = NOW - 19 * DAY * pick.random()
            both = (traffic.usage(time), traffic.api_call(time))
            facts += [_telling(fact, number) if fact.subject == NAME else fact for fact in both]
        parts.append(facts)
    await log.append(parts[0])
    await log.fold()
    await log.fold_subjects()
    await log.append(parts[1])
    await log.fold()
    await log.append(parts[2])
    return log, traffic


def _telling(fact: UsageFact | ApiCallFact, number: int) -> Fact:
    """The fact, full of the name."""
    said: dict[str, Any] = {"attributes": {"mail": NAME}, "trace_id": f"trace {NAME}", "id": f"{NAME}-{number}"}
    if isinstance(fact, UsageFact):
        said |= {"error_message": f"no {NAME}", "session_id": NAME}
    return msgspec.structs.replace(fact, **said)


def _both(log: Log) -> list[UsageFact | ApiCallFact]:
    return [*log.usage, *log.api]


async def begin(database: Database, project: Project) -> Erasure:
    async with database.write() as session:
        return await begin_erasure(session, project_id=project.id, subject=NAME, actor="tests")


async def asked(log: Log, fields: str) -> dict[str, Any]:
    document = f"query ($period: PeriodInput!) {{ metrics(period: $period) {{ {fields} }} }}"
    metrics: dict[str, Any] = (await log.client.ask(document, period=PERIOD))["metrics"]
    return metrics


def by_subject(metrics: dict[str, Any]) -> dict[str | None, Any]:
    return {edge["node"]["key"]: edge["node"]["totals"] for edge in metrics["usage"]["breakdown"]["edges"]}


async def test_the_name_goes_and_the_figures_stay(database: Database, project: Project) -> None:
    log, _ = await filled(database, project)
    async with database.write() as session:
        values = {"label": "Zoé", "attributes": {"mail": NAME}, "coordinates": (48.0, 2.0)}
        await set_subject(session, project_id=project.id, name=NAME, values=values, actor="tests")
        record_audit_entry(session, project_id=project.id, actor="x", action="y", details={"of": f"see {NAME}!"})
        theirs = next(fact for fact in log.usage if fact.subject == NAME)
        content = UsageContent(project_id=project.id, time=theirs.time, id=theirs.id, input=f"I am {NAME}")
        content.output, content.input_truncated, content.output_truncated = None, False, False
        session.add(content)
    figures, subjects = await asked(log, FIGURES), by_subject(await asked(log, BY_SUBJECT))
    erasure = await begin(database, project)
    await erase(database)
    agrees(await asked(log, FIGURES), figures)
    after = by_subject(await asked(log, BY_SUBJECT))
    assert after.pop(erasure.pseudonym) == subjects.pop(NAME)
    assert after == subjects
    await log.fold()
    await log.fold_subjects()
    agrees(await asked(log, FIGURES), figures)
    async with database.read() as session:
        row = (await session.scalars(select(Erasure)))[0]
        assert (row.state, row.subject) == ("done", None)
        assert row.facts == sum(fact.subject == NAME for fact in _both(log))
        assert await session.scalar(select(func.count()).select_from(UsageContent)) == 0
        of = select(UsageEvent.attributes).where(UsageEvent.subject == erasure.pseudonym)
        assert all(attributes == {} for attributes in await session.scalars(of))
        entries = [entry.details for entry in await session.scalars(select(AuditEntry))]
        assert {"of": f"see {erasure.pseudonym}!"} in entries
        assert not any(NAME in orjson.dumps(entry).decode() for entry in entries)


async def test_the_name_goes_from_what_was_told(database: Database, project: Project) -> None:
    told: list[Any] = [
        AlertSuppression(
            project_id=project.id, alert_id=1, kind="silence", key="1", reason=f"for {NAME}", since=NOW, until=None
        ),
        Delivery(
            project_id=project.id,
            id=1,
            channel_id=1,
            kind="firing",
            severity="low",
            payload={"title": f"Cost of {NAME}"},
            status="failed",
            attempts=1,
            duration_ms=None,
            error=f"no room for {NAME}",
            created_at=NOW,
            next_attempt_at=None,
            finished_at=NOW,
        ),
    ]
    async with database.write() as session:
        for row in told:
            session.add(row)
        period = make_period(start=NOW - DAY, end=NOW, last=None, zone="UTC", now=NOW)
        only = UsageFilter(subjects=(NAME,))
        await request_repricing(
            session, project_id=project.id, period=period, filter=only, dry_run=False, actor="tests"
        )
    erasure = await begin(database, project)
    await erase(database)
    async with database.read() as reading:
        for model in (AlertSuppression, Delivery, Repricing):
            (row,) = await reading.rows(select(*model.__table__.columns))
            text = str(tuple(row))
            assert (NAME in text, erasure.pseudonym in text) == (False, True)


async def test_later_events_of_the_name_are_of_somebody_new(database: Database, project: Project) -> None:
    log, traffic = await filled(database, project)
    before = await asked(log, FIGURES)
    erasure = await begin(database, project)
    await log.append([traffic.usage(NOW - DAY * n / 4, subject=NAME, attributes={"a": 1}) for n in range(8)])
    await log.fold()
    await log.fold_subjects()
    await erase(database)
    found = by_subject(await asked(log, BY_SUBJECT))
    assert found[NAME]["requests"] == 8
    active = (await asked(log, FIGURES))["usage"]["totals"]["activeSubjects"]
    assert active == before["usage"]["totals"]["activeSubjects"] + 1
    async with database.read() as session:
        new = select(UsageEvent.attributes).where(UsageEvent.subject == NAME)
        assert await session.scalars(new) == [{"a": 1}] * 8
        names = set(await session.scalars(select(Subject.name)))
    assert {NAME, erasure.pseudonym} <= names


async def test_roll_ups_made_anew_meanwhile_are_put_right(database: Database, project: Project) -> None:
    log, _ = await filled(database, project)
    await log.fold()
    await log.fold_subjects()
    figures = await asked(log, FIGURES)
    erasure = await begin(database, project)
    await rebuild(database, project.id, NOW - 5 * DAY, NOW)
    await erase(database)
    agrees(await asked(log, FIGURES), figures)
    found = by_subject(await asked(log, BY_SUBJECT))
    assert NAME not in found
    assert erasure.pseudonym in found
    async with database.read() as session:
        assert NAME not in await session.scalars(select(Subject.name))


async def test_an_erasure_goes_on_where_it_was_cut_short(
    database: Database, project: Project, monkeypatch: Any
) -> None:
    log, _ = await filled(database, project)
    figures = await asked(log, FIGURES)
    monkeypatch.setattr(steps, "FACTS_A_STEP", 7)
    begun = (await begin(database, project)).facts
    left = select(func.count()).select_from(UsageEvent).where(UsageEvent.subject == NAME)
    task, done = asyncio.create_task(erase(database)), 0
    while done <= begun and not task.done():
        async with database.read() as session:
            done = await session.scalar(select(Erasure.facts)) or 0
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.gather(erase(database), erase(database))
    agrees(await asked(log, FIGURES), figures)
    async with database.read() as session:
        assert await session.scalar(left) == 0
        facts = sum(fact.subject == NAME for fact in _both(log))
        assert await session.scalar(select(Erasure.facts)) == facts


async def test_the_file_of_sqlite_holds_the_name_no_more(database: Database, project: Project) -> None:
    if database.dialect != "sqlite":
        return
    log, _ = await filled(database, project)
    await log.fold()
    await log.fold_subjects()
    assert _stored(database).count(NAME.encode()) > 100
    await begin(database, project)
    await erase(database)
    assert _stored(database).count(NAME.encode()) == 0


def _stored(database: Database) -> bytes:
    """Every byte of the file and of the log beside it."""
    file = Path(database.url.database or "")
    return file.read_bytes() + Path(f"{file}-wal").read_bytes()


def test_short_names_are_replaced_only_as_whole_values() -> None:
    assert Replacing("a", "P").json({"a": ["a", "a bug"]}) == {"P": ["P", "a bug"]}
    assert Replacing("ann", "P").text("ann, anna (ann)") == "P, anna (P)"
