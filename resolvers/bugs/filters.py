"""Which bugs are meant: as a condition on rows, and on a bug that a stream tells of."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import ColumnElement, Text, cast, column, false, literal, literal_column, select, table
from sqlalchemy.dialects.postgresql import TSQUERY

from models import Bug, BugLabel
from models.words import lexeme
from resolvers.bugs.words import Term, terms_of, words_of_bug
from resolvers.facts import among
from resolvers.metrics.periods import Period

NUMBERS: Final = 2**32
"""How the text index of SQLite joins a project and a number."""

_WITHIN: Final = ("created", "updated", "resolved")


@dataclass(frozen=True, slots=True)
class BugFilter:
    """Each list keeps bugs with one of its values, an empty one keeps all; `search` those that have all its words."""

    search: str | None = None
    statuses: Sequence[str] = ()
    severities: Sequence[str] = ()
    priorities: Sequence[str] = ()
    categories: Sequence[str] = ()
    devices: Sequence[str] = ()
    assignees: Sequence[str] = ()
    reporters: Sequence[str] = ()
    labels: Sequence[str] = ()
    fingerprints: Sequence[str] = ()
    assigned: bool | None = None
    created: Period | None = None
    updated: Period | None = None
    resolved: Period | None = None

    def checked(self) -> Self:
        """The filter itself. Raises Invalid past 1,000 values a list and for a long search."""
        self.conditions(0, "sqlite")
        return self

    def conditions(self, project_id: int, dialect: str) -> list[ColumnElement[bool]]:
        """The rows of a project that it keeps. Raises Invalid past 1,000 values a list and for a long search."""
        wanted = [
            Bug.project_id == project_id,
            *among(Bug.status, self.statuses),
            *among(Bug.severity, self.severities),
            *among(Bug.priority, self.priorities),
            *among(Bug.category, self.categories),
            *among(Bug.device, self.devices),
            *among(Bug.assignee, self.assignees),
            *among(Bug.reporter, self.reporters),
            *among(Bug.fingerprint, self.fingerprints),
        ]
        if labels := among(BugLabel.label, self.labels):
            wanted.append(Bug.number.in_(select(BugLabel.bug_number).where(BugLabel.project_id == project_id, *labels)))
        if self.assigned is not None:
            wanted.append(Bug.assignee.is_not(None) if self.assigned else Bug.assignee.is_(None))
        for name in _WITHIN:
            period: Period | None = getattr(self, name)
            if period is not None:
                time = getattr(Bug, f"{name}_at")
                wanted += [time >= period.start, time < period.end]
        if (terms := terms_of(self.search)) is not None:
            wanted.append(has_words(terms, project_id=project_id, dialect=dialect))
        return wanted

    def keeps(self, bug: Bug) -> bool:
        """Whether it keeps a bug, as `conditions` would."""
        terms = terms_of(self.search)
        return (
            _has(self.statuses, [bug.status])
            and _has(self.severities, [bug.severity])
            and _has(self.priorities, [bug.priority])
            and _has(self.categories, [bug.category])
            and _has(self.devices, [bug.device])
            and _has(self.assignees, [bug.assignee])
            and _has(self.reporters, [bug.reporter])
            and _has(self.fingerprints, [bug.fingerprint])
            and _has(self.labels, bug.labels)
            and (self.assigned is None or self.assigned == (bug.assignee is not None))
            and all(_lies_in(getattr(self, name), getattr(bug, f"{name}_at")) for name in _WITHIN)
            and (terms is None or _finds(terms, bug))
        )


def has_words(terms: Sequence[Term], *, project_id: int, dialect: str) -> ColumnElement[bool]:
    """The condition that a bug of the project has all of these words; without any, no bug has."""
    if not terms:
        return false()
    if dialect == "postgresql":
        lexemes = (lexeme(project_id, term.word) + ":*" * term.prefix for term in terms)
        # In the statement's own text: the best plan depends on how many bugs have these words.
        query = literal(" & ".join(lexemes), Text, literal_execute=True)
        return Bug.words.op("@@", is_comparison=True)(cast(query, TSQUERY))
    index = table("bugs_fts", column("rowid"))
    phrases = " ".join(f'"{term.word}"' + "*" * term.prefix for term in terms)
    matches = literal_column("bugs_fts").op("MATCH", is_comparison=True)(phrases)
    first = project_id * NUMBERS
    within = index.c.rowid.between(first, first + NUMBERS - 1)
    return Bug.number.in_(select(index.c.rowid - literal_column(str(first))).where(matches, within))


def _has(wanted: Sequence[str], values: Iterable[str | None]) -> bool:
    return not wanted or any(value in wanted for value in values)


def _lies_in(period: Period | None, time: dt.datetime | None) -> bool:
    return period is None or (time is not None and period.start <= time < period.end)


def _finds(terms: Sequence[Term], bug: Bug) -> bool:
    words = words_of_bug(bug)
    return bool(terms) and all(term.meets(words) for term in terms)
