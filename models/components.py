"""Components: the things whose health is watched, how they were when, and how fast they answered."""

import datetime as dt
from typing import Final

from sqlalchemy import Double, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

STATUSES: Final = ("healthy", "degraded", "down", "unknown")


class Component(Base):
    """`kind`: database, redis, openai, disk, jobs, ingest, http or heartbeat; the first six are every project's own.

    `status` holds `since`; `checked_at` is when it was looked at last, which gave `message` and `latency_ms`. `streak`
    counts the observations in a row that contradict `status`, so many of which change it. `parent_id` is the component
    that it depends on. `due_at` is when it is to be looked at next; null for never.
    """

    __tablename__ = "components"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        Index(None, "project_id", "parent_id"),
        Index(None, "due_at"),
    )

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str]
    kind: Mapped[str]
    critical: Mapped[bool]
    enabled: Mapped[bool]
    parent_id: Mapped[int | None] = mapped_column(Integer)
    every_seconds: Mapped[float] = mapped_column(Double)
    failures_before_down: Mapped[int] = mapped_column(Integer)
    successes_before_healthy: Mapped[int] = mapped_column(Integer)
    status: Mapped[str]
    since: Mapped[dt.datetime]
    streak: Mapped[int] = mapped_column(Integer)
    message: Mapped[str | None]
    latency_ms: Mapped[float | None] = mapped_column(Double)
    checked_at: Mapped[dt.datetime | None]
    due_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]


class ComponentSpell(Base):
    """A stretch of time in which a component had one status; `ended_at` is null while it lasts."""

    __tablename__ = "component_spells"
    __table_args__ = (Index(None, "project_id", "component_id", "ended_at"), Index(None, "ended_at"))

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    component_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    began_at: Mapped[dt.datetime] = mapped_column(primary_key=True)
    ended_at: Mapped[dt.datetime | None]
    status: Mapped[str]
    message: Mapped[str | None]


class ComponentHour(Base):
    """How long a component's answers took in an hour: `latencies` are packed pairs of time and milliseconds."""

    __tablename__ = "component_hours"
    __table_args__ = (Index(None, "hour"),)

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    component_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hour: Mapped[dt.datetime] = mapped_column(primary_key=True)
    latencies: Mapped[bytes] = mapped_column(LargeBinary)
