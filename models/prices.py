"""Prices that a project sets itself. A row is one revision of one price, and never changes what it says."""

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json


class Price(Base):
    """What calls of a model cost in [starts_at, ends_at); null: without end on that side.

    `provider` and `model` are patterns (`*` stands for any characters; a null provider is any, or none). A null
    `service_tier` is the standard one. `rates` are dollars by kind, as decimal text: a million tokens, or one request;
    `tiers` is a list of `{"above": tokens, "rates": {...}}`. A price with a `factor` has no rates: it multiplies the
    price that would hold without it. `replaced_at` is when the next revision, or the deletion, took its place.
    """

    __tablename__ = "prices"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    provider: Mapped[str | None]
    model: Mapped[str]
    service_tier: Mapped[str | None]
    starts_at: Mapped[dt.datetime | None]
    ends_at: Mapped[dt.datetime | None]
    rates: Mapped[dict[str, Any]]
    tiers: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    factor: Mapped[str | None]
    note: Mapped[str | None]
    saved_at: Mapped[dt.datetime]
    saved_by: Mapped[str]
    replaced_at: Mapped[dt.datetime | None]
