"""How long a project's past is kept."""

import datetime as dt

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Retention(Base):
    """Days, null for ever: of facts, of roll-ups, and of alerts, deliveries and the audit log (`history`). A project
    without a row keeps to the defaults. (What calls said has its days in `ContentSettings`.)

    `rollups_floor` is the time from which on there are roll-ups, as `Counter.floor` is that of the facts.
    `claimed_until` keeps other processes away from a project whose past is being removed.
    """

    __tablename__ = "retentions"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    fact_days: Mapped[int | None] = mapped_column(Integer)
    rollup_days: Mapped[int | None] = mapped_column(Integer)
    history_days: Mapped[int | None] = mapped_column(Integer)
    rollups_floor: Mapped[dt.datetime | None]
    enforced_at: Mapped[dt.datetime | None]
    claimed_until: Mapped[dt.datetime | None]
