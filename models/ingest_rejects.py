"""Events, and whole requests, that ingest refused."""

import datetime as dt

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class IngestReject(Base):
    """`code` is that of the answer, or `HTTP_` and the status of a request that was refused as a whole.

    `sample` is the beginning of the masked event. `count` is more than one in a row that stands for those of a minute
    that are not kept one by one.
    """

    __tablename__ = "ingest_rejects"
    __table_args__ = (Index(None, "time"),)

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    time: Mapped[dt.datetime] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    door: Mapped[str]
    code: Mapped[str]
    field: Mapped[str | None]
    reason: Mapped[str]
    sample: Mapped[str | None]
    count: Mapped[int]
