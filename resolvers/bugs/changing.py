"""How fields of a bug get other values: in its row, in the history, and in what lists and figures are read from.

Who changes bugs holds `lock_project`: numbers, repeats and chains of duplicates depend on it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, update

from models import Bug, BugChange, BugLabel, BugSpell, WriteSession
from models.words import Words
from resolvers.bugs.states import FIXED, is_open
from resolvers.bugs.words import words_of_bug

UPDATE, REGRESSION = "update", "regression"
SEARCHED: Final = frozenset({"title", "description", "category", "device", "labels"})
COUNTED: Final = frozenset({"status", "severity", "category"})


def time_of_change(bug: Bug) -> dt.datetime:
    """Now, or when the bug last changed if another machine's clock was ahead: a history does not go back."""
    return max(dt.datetime.now(dt.UTC), bug.updated_at)


async def change(
    session: WriteSession, bug: Bug, values: Mapping[str, Any], *, actor: str, now: dt.datetime, cause: str = UPDATE
) -> list[BugChange]:
    """Gives fields other values, which are checked already; answers the history of it, empty when nothing differs."""
    before = {name: getattr(bug, name) for name, value in values.items() if getattr(bug, name) != value}
    if not before:
        return []
    was_open = is_open(bug.status)
    for name in before:
        setattr(bug, name, values[name])
    bug.version += 1
    bug.updated_at = now
    if bug.status not in FIXED:
        bug.resolved_at = None
    elif bug.resolved_at is None:
        bug.resolved_at = now
    if before.keys() & SEARCHED:
        bug.words = Words(bug.project_id, words_of_bug(bug))
    if "labels" in before:
        await _relabel(session, bug, before["labels"])
    if before.keys() & COUNTED:
        await _begin_spell(session, bug, was_open=was_open, now=now)
    changes = [
        BugChange(
            project_id=bug.project_id,
            bug_number=bug.number,
            version=bug.version,
            field=name,
            time=now,
            actor=actor,
            cause=cause,
            before=value,
            after=values[name],
        )
        for name, value in sorted(before.items())
    ]
    for made in changes:
        session.add(made)
    return changes


def label(session: WriteSession, bug: Bug, labels: list[str]) -> None:
    """Makes a bug found by labels that it did not have."""
    for name in labels:
        session.add(BugLabel(project_id=bug.project_id, label=name, bug_number=bug.number))


def open_spell(bug: Bug, now: dt.datetime) -> BugSpell:
    """The stretch of time that begins now, in which the bug is open as it is."""
    return BugSpell(
        project_id=bug.project_id,
        bug_number=bug.number,
        version=bug.version,
        severity=bug.severity,
        category=bug.category,
        began_at=now,
    )


async def _relabel(session: WriteSession, bug: Bug, before: list[str]) -> None:
    gone = [name for name in before if name not in bug.labels]
    if gone:
        await session.run(
            delete(BugLabel).where(
                BugLabel.project_id == bug.project_id, BugLabel.bug_number == bug.number, BugLabel.label.in_(gone)
            )
        )
    label(session, bug, [name for name in bug.labels if name not in before])


async def _begin_spell(session: WriteSession, bug: Bug, *, was_open: bool, now: dt.datetime) -> None:
    if was_open:
        await session.run(
            update(BugSpell)
            .where(
                BugSpell.project_id == bug.project_id, BugSpell.bug_number == bug.number, BugSpell.ended_at.is_(None)
            )
            .values(ended_at=now)
        )
    if is_open(bug.status):
        session.add(open_spell(bug, now))
