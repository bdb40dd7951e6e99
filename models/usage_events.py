"""One row for each call of a model."""

import datetime as dt
from typing import Any

from sqlalchemy import Boolean, Double, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class UsageEvent(Base):
    """Disjoint tokens: the API's `input` is uncached + cache read + cache write, its `output` visible + reasoning.

    Audio and image tokens are parts of uncached and visible ones. `reported_picousd` is what the sender says that the
    provider billed, and `computed_picousd` then what our prices say; `unpriced` names, separated by commas, the kinds
    of tokens that had no price of their own; `raw_usage` is the provider's own account, before it was normalised;
    `api_key_id` is the key that it was sent with.
    """

    __tablename__ = "usage_events"
    __table_args__ = (
        Index(None, "project_id", "seq"),
        Index(None, "project_id", "subject", "time"),
        {"postgresql_partition_by": "RANGE (time)"},
    )

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[dt.datetime] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    provider: Mapped[str | None]
    model: Mapped[str]
    operation: Mapped[str | None]
    subject: Mapped[str | None]
    environment: Mapped[str | None]
    trace_id: Mapped[str | None]
    session_id: Mapped[str | None]
    status: Mapped[str]
    error_type: Mapped[str | None]
    error_message: Mapped[str | None]
    duration_ms: Mapped[float | None] = mapped_column(Double)
    time_to_first_token_ms: Mapped[float | None] = mapped_column(Double)
    uncached_tokens: Mapped[int] = mapped_column(Integer)
    cache_read_tokens: Mapped[int] = mapped_column(Integer)
    cache_write_tokens: Mapped[int] = mapped_column(Integer)
    visible_tokens: Mapped[int] = mapped_column(Integer)
    reasoning_tokens: Mapped[int] = mapped_column(Integer)
    cost_picousd: Mapped[int | None]
    cost_source: Mapped[str]
    price_version: Mapped[str | None]
    estimated: Mapped[bool] = mapped_column(Boolean)
    attributes: Mapped[dict[str, Any]]
    reported_picousd: Mapped[int | None]
    service_tier: Mapped[str | None]
    unpriced: Mapped[str | None]
    input_audio_tokens: Mapped[int | None] = mapped_column(Integer)
    output_audio_tokens: Mapped[int | None] = mapped_column(Integer)
    input_image_tokens: Mapped[int | None] = mapped_column(Integer)
    output_image_tokens: Mapped[int | None] = mapped_column(Integer)
    raw_usage: Mapped[dict[str, Any] | None]
    api_key_id: Mapped[int | None] = mapped_column(Integer)
    computed_picousd: Mapped[int | None]
