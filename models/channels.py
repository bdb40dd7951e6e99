"""Channels: where notifications go."""

import datetime as dt
from typing import Final

from sqlalchemy import Boolean, ForeignKey, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Ranked
from models.bugs import SEVERITIES

CHANNEL_KINDS: Final = ("email", "slack", "sms", "webhook", "apprise")


class Channel(Base):
    """`encrypted_url` is the address with its secrets, sealed; `masked_url` is what may be shown of it.

    Deleted channels stay, without their address, for the deliveries that name them.
    """

    __tablename__ = "channels"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str]
    kind: Mapped[str]
    minimum_severity: Mapped[str] = mapped_column(Ranked(*SEVERITIES))
    enabled: Mapped[bool] = mapped_column(Boolean)
    encrypted_url: Mapped[bytes] = mapped_column(LargeBinary)
    masked_url: Mapped[str]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    deleted_at: Mapped[dt.datetime | None]
