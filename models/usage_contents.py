"""What went to models and what came back, where a project keeps it."""

import datetime as dt
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json


class ContentSettings(Base):
    """Whether a project keeps content, what is masked before it is stored, and for how many days it is kept.

    `masking` is a list of objects with name, pattern and replacement. They hold for attributes and error messages
    too, also while content is not kept. A project without a row keeps nothing and masks nothing.
    """

    __tablename__ = "content_settings"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    enabled: Mapped[bool] = mapped_column(Boolean)
    masking: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    most_bytes: Mapped[int] = mapped_column(Integer)
    days_kept: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[dt.datetime]


class UsageContent(Base):
    """The content of a usage event, under the event's key: masked JSON text, or the beginning of it when `truncated`.

    No foreign key leads to the event: it lies in a partition.
    """

    __tablename__ = "usage_contents"

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[dt.datetime] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    input: Mapped[str | None]
    input_truncated: Mapped[bool] = mapped_column(Boolean)
    output: Mapped[str | None]
    output_truncated: Mapped[bool] = mapped_column(Boolean)
