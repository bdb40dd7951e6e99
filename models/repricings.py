"""Repricings: stored calls priced anew, UTC day by UTC day, by whoever takes the next step."""

import datetime as dt
from typing import Any, Final

from sqlalchemy import Boolean, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigSum

RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"


class Repricing(Base):
    """Everything before `next_day` is done, and in the sums. `status`: running, done or failed.

    A `dry_run` only sums up what would change. `priced_before` and `priced_after` count the events with a cost, and
    `by_model` holds the same sums by provider and model.
    """

    __tablename__ = "repricings"
    __table_args__ = (Index(None, "status"),)

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    dry_run: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[str]
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]
    filter: Mapped[dict[str, Any]]
    next_day: Mapped[dt.datetime]
    days: Mapped[int] = mapped_column(Integer)
    days_done: Mapped[int] = mapped_column(Integer)
    days_skipped: Mapped[int] = mapped_column(Integer)
    events: Mapped[int]
    changed: Mapped[int]
    priced_before: Mapped[int]
    priced_after: Mapped[int]
    before_picousd: Mapped[int] = mapped_column(BigSum)
    after_picousd: Mapped[int] = mapped_column(BigSum)
    by_model: Mapped[dict[str, Any]]
    failures: Mapped[int] = mapped_column(Integer)
    error: Mapped[str | None]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
