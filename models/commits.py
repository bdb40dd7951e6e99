"""The log's book-keeping: one counter per project, one row per commit.

A writer takes the counter as its last step before COMMIT, so `seq` follows commit order without holes.
"""

import datetime as dt

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Counter(Base):
    """The last sequence number of a project, and the floors below which retention has taken facts away.

    `revision` counts what changed answers without a fact: mutations, prices applied anew, what retention took.
    """

    __tablename__ = "counters"
    __table_args__ = ({"postgresql_with": {"fillfactor": 10}},)

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last_seq: Mapped[int] = mapped_column(default=0)
    floor: Mapped[dt.datetime]
    revision: Mapped[int] = mapped_column(default=0, server_default="0")


class Commit(Base):
    """One committed batch of facts: the range of `seq` it took and the range of `time` its facts lie in."""

    __tablename__ = "commits"
    __table_args__ = (Index(None, "project_id", "committed_at"),)

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last_seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_seq: Mapped[int]
    min_time: Mapped[dt.datetime]
    max_time: Mapped[dt.datetime]
    committed_at: Mapped[dt.datetime]
