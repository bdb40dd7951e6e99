"""HTTP checks: what is asked of an address, and what its answer must be like."""

import datetime as dt

from sqlalchemy import Double, ForeignKeyConstraint, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json


class HealthCheck(Base):
    """The HTTP check of the component with the same id.

    `sealed` holds the headers and the body, as JSON in a vault; `header_names` are what may be shown of them.
    """

    __tablename__ = "health_checks"
    __table_args__ = (ForeignKeyConstraint(["project_id", "component_id"], ["components.project_id", "components.id"]),)

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    component_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    url: Mapped[str]
    method: Mapped[str]
    header_names: Mapped[list[str]] = mapped_column(Json)
    has_body: Mapped[bool]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    timeout_seconds: Mapped[float] = mapped_column(Double)
    conditions: Mapped[list[str]] = mapped_column(Json)
    certificate_expires_at: Mapped[dt.datetime | None]
