"""The first step of an erasure, which everything else rests on.

Under the leases of the roll-ups, all of it in one transaction: from here on the roll-ups know the pseudonym only. Facts
that no roll-up has yet, the tail, get it at once; those that are rolled up follow in steps. So an event that comes
later with the same name is of somebody new, whenever the steps are through.
"""

import datetime as dt
import secrets
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from models import (
    AlertRule,
    ApiBySubject,
    Budget,
    Counter,
    Erasure,
    Subject,
    SubjectProfile,
    UsageBySubject,
    WriteSession,
)
from resolvers.alerts.clocks import lock
from resolvers.audit_entries import record_audit_entry
from resolvers.erasures.facts import FACTS, pseudonymise
from resolvers.erasures.words import Replacing
from resolvers.rollups.leases import lease_all
from resolvers.texts import check_text

PSEUDONYM: Final = "erased-"
MOST_NAME: Final = 256


async def begin_erasure(session: WriteSession, *, project_id: int, subject: str, actor: str) -> Erasure:
    """Begins to take a subject's name out of what is stored. Raises Invalid for a blank or a long one.

    A subject of which nothing is known is erased all the same: nobody learns who was there.
    """
    check_text(subject, field="subject", most=MOST_NAME)
    clock = await lock(session, project_id=project_id)
    reached = await lease_all(session, project_id=project_id)
    last_seq = await session.scalar(select(Counter.last_seq).where(Counter.project_id == project_id)) or 0
    last = await session.scalar(select(func.max(Erasure.id)).where(Erasure.project_id == project_id)) or 0
    # Random, and from nothing else: whoever knows the name cannot find it again.
    replacing = Replacing(subject, PSEUDONYM + secrets.token_hex(8))
    erasure = Erasure(
        project_id=project_id,
        id=last + 1,
        subject=subject,
        pseudonym=replacing.pseudonym,
        until_seq=last_seq,
        state="running",
        facts=0,
        requested_by=actor,
        requested_at=dt.datetime.now(dt.UTC),
        finished_at=None,
    )
    session.add(erasure)
    await _rename(session, project_id, replacing)
    clock.rules_version += await _rules(session, project_id, replacing)
    for facts in FACTS:
        behind = facts.seq > min(reached.values()), facts.seq <= last_seq
        erasure.facts += await pseudonymise(session, facts, project_id, replacing, *behind)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="subject.erased",
        target=f"erasure:{erasure.id}",
        details={"pseudonym": erasure.pseudonym},
    )
    return erasure


async def _rename(session: WriteSession, project_id: int, replacing: Replacing) -> None:
    """Its number and its roll-ups go over to the pseudonym, and what is known of it goes."""
    profile = SubjectProfile
    await session.run(delete(profile).where(profile.project_id == project_id, profile.name == replacing.name))
    number: Any = Subject
    await session.run(
        update(number)
        .where(number.project_id == project_id, number.name == replacing.name)
        .values(name=replacing.pseudonym)
    )
    for table in (UsageBySubject, ApiBySubject):
        rollup: Any = table
        of_subject = rollup.project_id == project_id, rollup.subject == replacing.name
        await session.run(update(rollup).where(*of_subject).values(subject=replacing.pseudonym))
    watched = Budget.project_id == project_id, Budget.scope == "subject", Budget.scope_value == replacing.name
    await session.run(update(Budget).where(*watched).values(scope_value=replacing.pseudonym))


async def _rules(session: WriteSession, project_id: int, replacing: Replacing) -> int:
    """Rules that watch the subject watch the pseudonym; answers how many."""
    changed = 0
    for rule in await session.scalars(select(AlertRule).where(AlertRule.project_id == project_id)):
        found = replacing.json(rule.filter)
        if found != rule.filter:
            rule.filter, changed = found, changed + 1
    return changed
