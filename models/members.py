"""Members: people and programs that come with a token of an issuer, and what they may do in a project."""

import datetime as dt

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Member(Base):
    """`name` is what the token says of them. The index on it alone finds the project of a token that names none."""

    __tablename__ = "members"
    __table_args__ = (Index(None, "name"),)

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
