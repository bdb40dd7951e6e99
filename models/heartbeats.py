"""Heartbeats: signs of life that cron jobs and workers send."""

import datetime as dt

from sqlalchemy import Double, ForeignKeyConstraint, Index, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Heartbeat(Base):
    """The heartbeat of the component with the same id. Of its token only the SHA-256 is kept (`digest`).

    The index on `digest` is not unique on purpose: every unique index starts with `project_id`.
    """

    __tablename__ = "heartbeats"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "component_id"], ["components.project_id", "components.id"]),
        Index(None, "digest"),
    )

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    component_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    grace_seconds: Mapped[float] = mapped_column(Double)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    expected_since: Mapped[dt.datetime]
    beaten_at: Mapped[dt.datetime | None]
