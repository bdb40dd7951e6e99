"""What was advised, seen, done, and what it saved."""

import datetime as dt

from sqlalchemy import Double, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Recommendation(Base):
    __tablename__ = "recommendations"
    __table_args__ = (Index(None, "project_id", "created_at"),)

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    title: Mapped[str]
    body: Mapped[str | None]
    subject: Mapped[str | None]
    source: Mapped[str]
    confidence: Mapped[float | None] = mapped_column(Double)
    status: Mapped[str]
    created_at: Mapped[dt.datetime]
    viewed_at: Mapped[dt.datetime | None]
    implemented_at: Mapped[dt.datetime | None]
    dismissed_at: Mapped[dt.datetime | None]
    dismiss_reason: Mapped[str | None]
    expected_monthly_saving_picousd: Mapped[int | None]
