"""Deliveries: notifications on their way to one channel each, written with what they tell of."""

import datetime as dt
from typing import Any, Final

from sqlalchemy import Double, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Ranked
from models.bugs import SEVERITIES

PENDING: Final = "pending"


class Delivery(Base):
    """`kind`: firing, resolved, silence_expired or test. `status`: pending, delivered or failed (given up).

    `payload` is what is told, as JSON; `next_attempt_at` is null once nothing is to be tried any more. One delivery can
    tell of several alerts: `DeliveryAlert` says which.
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index(None, "status", "next_attempt_at"), Index(None, "project_id", "created_at"))

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    channel_id: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str]
    severity: Mapped[str] = mapped_column(Ranked(*SEVERITIES))
    payload: Mapped[dict[str, Any]]
    status: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer)
    duration_ms: Mapped[float | None] = mapped_column(Double)
    error: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    next_attempt_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]


class DeliveryAlert(Base):
    """An alert that a delivery tells of."""

    __tablename__ = "delivery_alerts"
    __table_args__ = (Index(None, "project_id", "delivery_id"),)

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    alert_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    delivery_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class DeliveryAttempt(Base):
    """One try to send a delivery; `error` is null when it went well."""

    __tablename__ = "delivery_attempts"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    delivery_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[dt.datetime]
    duration_ms: Mapped[float] = mapped_column(Double)
    error: Mapped[str | None]
