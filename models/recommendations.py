"""What was advised, seen, done, and what it saved."""

import datetime as dt
from typing import Any

from sqlalchemy import Double, ForeignKey, ForeignKeyConstraint, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigSum


class Recommendation(Base):
    """`status`: issued, viewed, implemented, dismissed or expired; `source`: recorded or generated.

    `target` says which calls it is about, `target_key` is the same for advice that would repeat it. `due_at` is when
    the job has to look at it next: to expire it while it is open, to measure it once it is implemented; null for never.
    `effect_seq` is how much of the log the `effect` knows. Amounts are in picodollars.
    """

    __tablename__ = "recommendations"
    __table_args__ = (
        Index(None, "project_id", "created_at"),
        Index(None, "project_id", "kind", "target_key"),
        Index(None, "due_at"),
    )

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str]
    target_key: Mapped[str]
    target: Mapped[dict[str, Any]]
    title: Mapped[str]
    body: Mapped[str | None]
    subject: Mapped[str | None]
    source: Mapped[str]
    confidence: Mapped[float | None] = mapped_column(Double)
    evidence: Mapped[dict[str, Any]]
    expected_monthly_saving_picousd: Mapped[int | None] = mapped_column(BigSum)
    status: Mapped[str]
    times_issued: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    viewed_at: Mapped[dt.datetime | None]
    implemented_at: Mapped[dt.datetime | None]
    reported_at: Mapped[dt.datetime | None]
    dismissed_at: Mapped[dt.datetime | None]
    dismiss_reason: Mapped[str | None]
    expired_at: Mapped[dt.datetime | None]
    due_at: Mapped[dt.datetime | None]
    effect_state: Mapped[str | None]
    effect: Mapped[dict[str, Any] | None]
    effect_seq: Mapped[int | None]
    measured_monthly_saving_picousd: Mapped[int | None] = mapped_column(BigSum)


class RecommendationKey(Base):
    """Which recommendation the advice with an idempotency key became."""

    __tablename__ = "recommendation_keys"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "recommendation_id"], ["recommendations.project_id", "recommendations.id"]),
    )

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(primary_key=True)
    recommendation_id: Mapped[int] = mapped_column(Integer)
