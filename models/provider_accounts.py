"""Accounts with providers, and what they billed."""

import datetime as dt
from typing import Final

from sqlalchemy import ForeignKey, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json

PROVIDERS: Final = ("openai",)


class ProviderAccount(Base):
    """`encrypted_key` is the admin key, sealed; `masked_key` is what may be shown of it.

    `billed_projects` are the provider's own projects to count, none for all. `fetched_until` is the midnight up to
    which costs were fetched; `failures` counts those in a row; until `claimed_until` somebody is at it.
    """

    __tablename__ = "provider_accounts"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    encrypted_key: Mapped[bytes] = mapped_column(LargeBinary)
    masked_key: Mapped[str]
    billed_projects: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    fetched_from: Mapped[dt.datetime | None]
    fetched_until: Mapped[dt.datetime | None]
    fetched_at: Mapped[dt.datetime | None]
    last_error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(Integer)
    retry_at: Mapped[dt.datetime | None]
    claimed_until: Mapped[dt.datetime | None]


class ProviderCost(Base):
    """What a provider billed for a UTC day and a model, and what it counted.

    `model` is without the date of its snapshot; it is empty for what is no call of a model. `discounted` counts the
    requests that it did not bill at the standard price: batches, and other service tiers.
    """

    __tablename__ = "provider_costs"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[dt.datetime] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    billed_picousd: Mapped[int]
    requests: Mapped[int]
    discounted: Mapped[int]
    input_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    output_tokens: Mapped[int]
