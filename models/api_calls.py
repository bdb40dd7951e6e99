"""One row for each API request that the monitored product served."""

import datetime as dt
from typing import Any

from sqlalchemy import Double, Index, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class ApiCall(Base):
    __tablename__ = "api_calls"
    __table_args__ = (
        Index(None, "project_id", "seq"),
        Index(None, "project_id", "subject", "time"),
        {"postgresql_partition_by": "RANGE (time)"},
    )

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[dt.datetime] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    method: Mapped[str]
    route: Mapped[str]
    status: Mapped[int] = mapped_column(SmallInteger)
    duration_ms: Mapped[float | None] = mapped_column(Double)
    request_bytes: Mapped[int | None]
    response_bytes: Mapped[int | None]
    subject: Mapped[str | None]
    environment: Mapped[str | None]
    trace_id: Mapped[str | None]
    cache: Mapped[str | None]
    attributes: Mapped[dict[str, Any]]
