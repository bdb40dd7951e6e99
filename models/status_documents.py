"""Which projects show their status to everybody."""

import datetime as dt

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class StatusDocument(Base):
    """A row is a project that does."""

    __tablename__ = "status_documents"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    published_at: Mapped[dt.datetime]
