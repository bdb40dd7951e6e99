"""The low-volume facts of the feed: what happened to bugs, alerts, recommendations, health and deployments."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Activity(Base):
    """`kind` is an ActivityKind in lower case, `name` the event (`bug.filed`), `node_type`, `node_key` its object."""

    __tablename__ = "activities"
    __table_args__ = (Index(None, "project_id", "seq"),)

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[dt.datetime] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    kind: Mapped[str]
    name: Mapped[str]
    title: Mapped[str]
    subject: Mapped[str | None]
    severity: Mapped[str | None]
    node_type: Mapped[str | None]
    node_key: Mapped[str | None]
    payload: Mapped[dict[str, Any]]
