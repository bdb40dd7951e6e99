"""Deployments: which version went where, and when."""

import datetime as dt

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Deployment(Base):
    """`id` counts up in the project; `recorded_by` is the name of the key that told of it."""

    __tablename__ = "deployments"
    __table_args__ = (UniqueConstraint("project_id", "idempotency_key"), Index(None, "project_id", "time"))

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    version: Mapped[str]
    environment: Mapped[str | None]
    time: Mapped[dt.datetime]
    link: Mapped[str | None]
    description: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    recorded_by: Mapped[str]
    recorded_at: Mapped[dt.datetime]
