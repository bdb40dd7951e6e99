"""The steps of an erasure: short transactions, each of which leaves everything right, resumed by whoever comes next."""

import datetime as dt
from typing import Any, Final

import structlog
from prometheus_client import Counter
from sqlalchemy import delete, func, select

from models import (
    ApiBySubject,
    ApiCall,
    Database,
    Erasure,
    ReadSession,
    Subject,
    UsageBySubject,
    UsageEvent,
    WriteSession,
)
from resolvers.erasures.facts import FACTS, pseudonymise
from resolvers.erasures.purging import purge
from resolvers.erasures.rows import scrub
from resolvers.erasures.words import Replacing
from resolvers.revisions import revise
from resolvers.rollups.leases import SUBJECTS, lease_all
from resolvers.rollups.rebuild import rebuild

FACTS_A_STEP: Final = 1_000
BY_SUBJECT: Final = ((UsageEvent, UsageBySubject), (ApiCall, ApiBySubject))
A_DAY: Final = dt.timedelta(days=1)
ERASED: Final = Counter("vigie_erasure_facts_total", "Facts whose subject was replaced.")
ENDED: Final = Counter("vigie_erasures_total", "Erasures that are through.")

log = structlog.get_logger(__name__)


async def erase(database: Database) -> None:
    """Takes every erasure that runs as far as it goes."""
    async with database.read() as session:
        running = await session.scalars(
            select(Erasure).where(Erasure.state == "running").order_by(Erasure.requested_at)
        )
    for erasure in running:
        await _finish(database, erasure)


async def _finish(database: Database, erasure: Erasure) -> None:
    if erasure.subject is None:
        return
    project_id, replacing = erasure.project_id, Replacing(erasure.subject, erasure.pseudonym)
    for facts in FACTS:
        while await _step(database, erasure, facts, replacing):
            pass
    await scrub(database, project_id=project_id, replacing=replacing)
    for day in await _rebuilt_meanwhile(database, project_id, replacing.name):
        await rebuild(database, project_id, day, day + A_DAY)
    async with database.write() as session:
        row = await _locked(session, erasure)
        if row is None:
            return
        await _forget_number(session, project_id, replacing.name)
        row.state, row.subject, row.finished_at = "done", None, dt.datetime.now(dt.UTC)
        await revise(session, project_id=project_id)
    ENDED.inc()
    await purge(database)
    log.info("subject erased", project=project_id, erasure=erasure.id, pseudonym=erasure.pseudonym)


async def _step(database: Database, erasure: Erasure, facts: Any, replacing: Replacing) -> bool:
    """The oldest facts that are left; answers whether there were any."""
    async with database.write() as session:
        row = await _locked(session, erasure)
        if row is None:
            return False
        left = (
            facts.project_id == erasure.project_id,
            facts.subject == replacing.name,
            facts.seq <= erasure.until_seq,
        )
        times = await session.scalars(select(facts.time).where(*left).order_by(facts.time).limit(FACTS_A_STEP))
        if not times:
            return False
        within = facts.seq <= erasure.until_seq, facts.time >= times[0], facts.time <= times[-1]
        done = await pseudonymise(session, facts, erasure.project_id, replacing, *within)
        row.facts += done
        await revise(session, project_id=erasure.project_id)
    ERASED.inc(done)
    return True


async def _locked(session: WriteSession, erasure: Erasure) -> Erasure | None:
    """The erasure, for this transaction alone, unless somebody else has ended it."""
    known = Erasure.project_id == erasure.project_id, Erasure.id == erasure.id, Erasure.state == "running"
    rows = await session.execute(select(Erasure).where(*known).with_for_update())
    return rows[0][0] if rows else None


async def _rebuilt_meanwhile(database: Database, project_id: int, name: str) -> list[dt.datetime]:
    """Days whose roll-ups were made anew, from facts that had the name then: they say more than the facts do now."""
    wrong: set[dt.datetime] = set()
    async with database.write() as session:
        reached = await lease_all(session, project_id=project_id)
        for facts, rollup in BY_SUBJECT:
            of_subject = rollup.project_id == project_id, rollup.subject == name
            for day, requests in await session.rows(select(rollup.bucket, rollup.requests).where(*of_subject)):
                counted = select(func.count()).where(
                    facts.project_id == project_id,
                    facts.subject == name,
                    facts.time >= day,
                    facts.time < day + A_DAY,
                    facts.seq <= reached[SUBJECTS],
                )
                if await session.scalar(counted) != requests:
                    wrong.add(day)
    return sorted(wrong)


async def _forget_number(session: WriteSession, project_id: int, name: str) -> None:
    """Takes away a number that a rebuild gave, unless somebody new has it."""
    await lease_all(session, project_id=project_id)
    if not await _has_facts(session, project_id, name):
        await session.run(delete(Subject).where(Subject.project_id == project_id, Subject.name == name))


async def _has_facts(session: ReadSession, project_id: int, name: str) -> bool:
    for facts in FACTS:
        some: Any = select(facts.seq).where(facts.project_id == project_id, facts.subject == name).limit(1)
        if await session.scalar(some) is not None:
            return True
    return False
