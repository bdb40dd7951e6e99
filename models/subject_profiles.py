"""What is known of subjects besides their traffic."""

import datetime as dt
from typing import Any

from sqlalchemy import Double, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class SubjectProfile(Base):
    """Latitude and longitude are degrees: both, or neither."""

    __tablename__ = "subject_profiles"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str | None]
    attributes: Mapped[dict[str, Any]]
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    updated_at: Mapped[dt.datetime]
