"""Bugs: what is broken and who is on it, with comments, the history of each field, and every time it was met."""

import datetime as dt
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json, Ranked
from models.words import Words, WordsType

STATUSES: Final = ("open", "in_progress", "resolved", "closed", "wont_fix", "duplicate")
OPEN_STATUSES: Final = ("open", "in_progress")
SEVERITIES: Final = ("low", "medium", "high", "critical")
PRIORITIES: Final = ("low", "medium", "high", "urgent")


class Bug(Base):
    """`version` counts the changes of its fields; `number` counts up in the project and is its name.

    `duplicate_of` is set while the status is duplicate, `filed_by` is the name of the key that it came with. `words` is
    what the text search finds it by: on SQLite through the table `bugs_fts`, which triggers keep.
    """

    __tablename__ = "bugs"
    __table_args__ = (
        UniqueConstraint("project_id", "fingerprint"),
        Index(None, "project_id", "status", "number"),
        Index(None, "project_id", "severity", "number"),
        Index(None, "project_id", "priority", "number"),
        Index(None, "project_id", "category", "number"),
        Index(None, "project_id", "device", "number"),
        Index(None, "project_id", "assignee", "number"),
        Index(None, "project_id", "reporter", "number"),
        Index(None, "project_id", "updated_at", "number"),
        Index(None, "project_id", "created_at"),
        Index(None, "project_id", "resolved_at"),
        Index(None, "project_id", "severity", "status"),
        Index(None, "words", postgresql_using="gin", info={"only_on": "postgresql"}),
    )

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Integer)
    title: Mapped[str]
    description: Mapped[str | None]
    status: Mapped[str] = mapped_column(Ranked(*STATUSES))
    severity: Mapped[str] = mapped_column(Ranked(*SEVERITIES))
    priority: Mapped[str] = mapped_column(Ranked(*PRIORITIES))
    category: Mapped[str | None]
    device: Mapped[str | None]
    reporter: Mapped[str | None]
    assignee: Mapped[str | None]
    labels: Mapped[list[str]] = mapped_column(Json)
    links: Mapped[list[str]] = mapped_column(Json)
    duplicate_of: Mapped[int | None] = mapped_column(Integer)
    fingerprint: Mapped[str | None]
    filed_by: Mapped[str]
    occurrences: Mapped[int]
    comments: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    last_seen_at: Mapped[dt.datetime]
    resolved_at: Mapped[dt.datetime | None]
    words: Mapped[Words] = mapped_column(WordsType, deferred=True, deferred_raiseload=True)


class BugLabel(Base):
    """A label of a bug, where a filter finds it; `bugs.labels` has them in order."""

    __tablename__ = "bug_labels"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    bug_number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class BugOccurrence(Base):
    """A time that a bug was met: the first is its filing, a later one a filing with the same fingerprint."""

    __tablename__ = "bug_occurrences"
    __table_args__ = (UniqueConstraint("project_id", "idempotency_key"),)

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    bug_number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time: Mapped[dt.datetime]
    filed_by: Mapped[str]
    reporter: Mapped[str | None]
    device: Mapped[str | None]
    context: Mapped[Any | None] = mapped_column(Json)
    idempotency_key: Mapped[str | None]


class BugComment(Base):
    """`id` counts up in the project; `author` is the name of the key that wrote it."""

    __tablename__ = "bug_comments"
    __table_args__ = (Index(None, "project_id", "bug_number", "id"),)

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    bug_number: Mapped[int] = mapped_column(Integer)
    author: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[dt.datetime]


class BugChange(Base):
    """One field that one change gave another value. `version` is the bug's since; `cause`: update or regression."""

    __tablename__ = "bug_changes"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    bug_number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(primary_key=True)
    time: Mapped[dt.datetime]
    actor: Mapped[str]
    cause: Mapped[str]
    before: Mapped[Any | None] = mapped_column(Json)
    after: Mapped[Any | None] = mapped_column(Json)


class BugSpell(Base):
    """A stretch of time in which a bug was open with one severity and category: how many were open when.

    `version` is the bug's when it began; `ended_at` is null while it lasts.
    """

    __tablename__ = "bug_spells"
    __table_args__ = (Index(None, "project_id", "ended_at"), Index(None, "project_id", "began_at"))

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    bug_number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    severity: Mapped[str] = mapped_column(Ranked(*SEVERITIES))
    category: Mapped[str | None]
    began_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
