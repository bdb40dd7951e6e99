"""Filing: a new bug, or one more occurrence of one that has the same fingerprint."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from models import Bug, BugOccurrence, WriteSession
from models.words import Words
from resolvers.bugs import fields
from resolvers.bugs.changing import (
    REGRESSION,
    change,
    label,
    open_spell,
    time_of_change,
)
from resolvers.bugs.reading import get_bug, original_of
from resolvers.bugs.states import FIXED
from resolvers.bugs.telling import tell
from resolvers.bugs.words import words_of_bug
from resolvers.locks import lock_project


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody files, unchecked. `context` is any JSON."""

    title: str
    description: str | None = None
    severity: str = "medium"
    priority: str = "medium"
    category: str | None = None
    device: str | None = None
    labels: Sequence[str] | None = None
    reporter: str | None = None
    links: Sequence[str] | None = None
    context: Any = None
    fingerprint: str | None = None
    idempotency_key: str | None = None

    def checked(self) -> "Report":
        """The report as it is stored. Raises Invalid that names the field."""
        return Report(
            title=fields.check_title(self.title),
            description=fields.check_description(self.description),
            severity=self.severity,
            priority=self.priority,
            category=fields.check_name(self.category, field="category"),
            device=fields.check_name(self.device, field="device"),
            labels=fields.check_labels(self.labels),
            reporter=fields.check_name(self.reporter, field="reporter"),
            links=fields.check_links(self.links),
            context=fields.check_context(self.context),
            fingerprint=fields.check_key(self.fingerprint, field="fingerprint"),
            idempotency_key=fields.check_key(self.idempotency_key, field="idempotencyKey"),
        )


@dataclass(frozen=True, slots=True)
class Filed:
    """The bug that a report became, or that it was an occurrence of (`repeated`)."""

    bug: Bug
    repeated: bool


async def file_bug(session: WriteSession, *, project_id: int, actor: str, report: Report) -> Filed:
    """Files a report, once for an idempotency key. Raises Invalid for what a bug cannot have.

    One whose fingerprint is known counts as an occurrence of that bug, or of the bug that it is a duplicate of. When
    that was resolved or closed it opens again, as a regression; one that nobody will fix is only counted.
    """
    report = report.checked()
    await lock_project(session, project_id=project_id)
    if report.idempotency_key is not None and (filed := await _filed(session, project_id, report.idempotency_key)):
        return filed
    if report.fingerprint is not None:
        known = await session.scalar(
            select(Bug).where(Bug.project_id == project_id, Bug.fingerprint == report.fingerprint)
        )
        if known is not None:
            bug = await original_of(session, known)
            await _repeat(session, bug, actor, report)
            return Filed(bug, repeated=True)
    return Filed(await _add(session, project_id, actor, report), repeated=False)


async def _filed(session: WriteSession, project_id: int, key: str) -> Filed | None:
    """What became of the report with that idempotency key, if there was one."""
    occurrence = await session.scalar(
        select(BugOccurrence).where(BugOccurrence.project_id == project_id, BugOccurrence.idempotency_key == key)
    )
    bug = occurrence and await get_bug(session, project_id=project_id, number=occurrence.bug_number)
    return Filed(bug, repeated=occurrence.ordinal > 1) if occurrence and bug else None


async def _add(session: WriteSession, project_id: int, actor: str, report: Report) -> Bug:
    last = await session.rows(
        select(Bug.number, Bug.created_at).where(Bug.project_id == project_id).order_by(Bug.number.desc()).limit(1)
    )
    now = dt.datetime.now(dt.UTC)
    number = 1
    for number_before, created_before in last:
        number, now = number_before + 1, max(now, created_before)  # the order of numbers is that of times
    bug = Bug(
        project_id=project_id,
        number=number,
        version=1,
        title=report.title,
        description=report.description,
        status="open",
        severity=report.severity,
        priority=report.priority,
        category=report.category,
        device=report.device,
        reporter=report.reporter,
        labels=list(report.labels or ()),
        links=list(report.links or ()),
        fingerprint=report.fingerprint,
        filed_by=actor,
        occurrences=1,
        comments=0,
        created_at=now,
        updated_at=now,
        last_seen_at=now,
    )
    bug.words = Words(project_id, words_of_bug(bug))
    session.add(bug)
    session.add(open_spell(bug, now))
    session.add(_occurrence(bug, actor, report, now))
    label(session, bug, bug.labels)
    tell(session, bug, "filed", actor=actor, now=now)
    return bug


async def _repeat(session: WriteSession, bug: Bug, actor: str, report: Report) -> None:
    now = time_of_change(bug)
    bug.occurrences += 1
    bug.last_seen_at = bug.updated_at = now
    session.add(_occurrence(bug, actor, report, now))
    changes = []
    if bug.status in FIXED:
        changes = await change(session, bug, {"status": "open"}, actor=actor, now=now, cause=REGRESSION)
    tell(session, bug, "regressed" if changes else "repeated", actor=actor, now=now, changes=changes)


def _occurrence(bug: Bug, actor: str, report: Report, now: dt.datetime) -> BugOccurrence:
    return BugOccurrence(
        project_id=bug.project_id,
        bug_number=bug.number,
        ordinal=bug.occurrences,
        time=now,
        filed_by=actor,
        reporter=report.reporter,
        device=report.device,
        context=report.context,
        idempotency_key=report.idempotency_key,
    )
