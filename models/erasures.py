"""Erasures: subjects whose names are taken out of what is stored."""

import datetime as dt
from typing import Final

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

ERASURE_STATES: Final = ("running", "done")


class Erasure(Base):
    """`subject` is the name while it is needed, and null once it is done; `pseudonym` stands in its place.

    Facts up to `until_seq` are concerned: later ones are of somebody new. `facts` counts those done.
    """

    __tablename__ = "erasures"
    __table_args__ = (Index(None, "state"),)

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    subject: Mapped[str | None]
    pseudonym: Mapped[str]
    until_seq: Mapped[int]
    state: Mapped[str]
    facts: Mapped[int]
    requested_by: Mapped[str]
    requested_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
