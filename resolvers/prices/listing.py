"""Reads the prices that a project has set, now and before."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from integrations.prices import Prices
from models import Price, ReadSession
from resolvers.prices.book import PriceBook, is_in_force, stamp_of, tier_of
from resolvers.prices.patterns import matches


@dataclass(frozen=True, slots=True)
class PriceFilter:
    """Keeps the prices that fit a provider and a model, are for a service tier, and in force at a time."""

    provider: str | None = None
    model: str | None = None
    service_tier: str | None = None
    at: dt.datetime | None = None

    def keeps(self, price: Price) -> bool:
        if self.provider is not None and price.provider is not None and not matches(price.provider, self.provider):
            return False
        if self.model is not None and not matches(price.model, self.model):
            return False
        if self.service_tier is not None and price.service_tier != tier_of(self.service_tier):
            return False
        return self.at is None or is_in_force(price, self.at)


async def current_prices(session: ReadSession, *, project_id: int) -> Sequence[Price]:
    """The project's own prices as they stand, in the order of adding. There are at most a few hundred."""
    return await session.scalars(
        select(Price).where(Price.project_id == project_id, Price.replaced_at.is_(None)).order_by(Price.id)
    )


async def read_book(
    session: ReadSession, *, project_id: int, prices: Prices, known: PriceBook | None = None
) -> PriceBook:
    """The project's book as it stands; `known` itself, with all that it has compiled, where nothing has changed."""
    if known is not None:
        revisions = await session.rows(
            select(Price.id, Price.revision).where(Price.project_id == project_id, Price.replaced_at.is_(None))
        )
        if stamp_of((number, revision) for number, revision in revisions) == known.stamp:
            return known
    return PriceBook(await current_prices(session, project_id=project_id), prices)


async def list_prices(
    session: ReadSession,
    *,
    project_id: int,
    filter: PriceFilter,  # noqa: A002
    limit: int,
    after: int | None = None,
) -> list[Price]:
    """At most `limit` of the project's own prices that the filter keeps, behind price number `after`."""
    kept = [price for price in await current_prices(session, project_id=project_id) if filter.keeps(price)]
    return [price for price in kept if after is None or price.id > after][:limit]


async def count_prices(session: ReadSession, *, project_id: int, filter: PriceFilter) -> int:  # noqa: A002
    """How many prices the filter keeps."""
    return sum(map(filter.keeps, await current_prices(session, project_id=project_id)))


async def get_price(session: ReadSession, *, project_id: int, number: int) -> Price | None:
    """A price as it stands, unless it is deleted."""
    return await session.scalar(
        select(Price).where(Price.project_id == project_id, Price.id == number, Price.replaced_at.is_(None))
    )


async def list_revisions(
    session: ReadSession, *, project_id: int, number: int, limit: int, after: int | None = None
) -> Sequence[Price]:
    """At most `limit` revisions of a price, also of a deleted one: the latest first, behind revision `after`."""
    revisions = select(Price).where(Price.project_id == project_id, Price.id == number)
    if after is not None:
        revisions = revisions.where(Price.revision < after)
    return await session.scalars(revisions.order_by(Price.revision.desc()).limit(limit))


Revision = tuple[int, int, int]
"""Project, number and revision of a price."""


async def prices_by_revision(session: ReadSession, keys: Sequence[Revision]) -> dict[Revision, Price]:
    """The prices with these keys."""
    key = tuple_(Price.project_id, Price.id, Price.revision)
    rows = await session.scalars(select(Price).where(key.in_(keys)))
    return {(row.project_id, row.id, row.revision): row for row in rows}
