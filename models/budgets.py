"""Budgets: how much may be spent in a window of the calendar."""

import datetime as dt
from typing import Final

from sqlalchemy import Double, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

BUDGET_SCOPES: Final = ("project", "subject", "model", "key")
BUDGET_WINDOWS: Final = ("day", "week", "month")


class Budget(Base):
    """`scope_value` is the subject, the model, or the number of the key; null for the whole project.

    Windows are those of `time_zone`. The thresholds are shares of the amount.
    """

    __tablename__ = "budgets"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str]
    amount_picousd: Mapped[int]
    scope: Mapped[str]
    scope_value: Mapped[str | None]
    window: Mapped[str]
    time_zone: Mapped[str]
    soft_threshold: Mapped[float] = mapped_column(Double)
    hard_threshold: Mapped[float] = mapped_column(Double)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    deleted_at: Mapped[dt.datetime | None]
