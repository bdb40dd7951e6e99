"""Up to when advice was generated from each project's traffic, and who is at it."""

import datetime as dt

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Generation(Base):
    """`generated_until` is the midnight up to which the last one looked; until `claimed_until` somebody is at work."""

    __tablename__ = "generations"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    generated_until: Mapped[dt.datetime | None]
    claimed_until: Mapped[dt.datetime | None]
