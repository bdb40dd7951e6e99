"""Saves and deletes the prices that a project sets. Each change is a new revision; what was said before stays."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import func, select

from integrations.rates import KINDS, REQUEST
from models import Price, WriteSession
from resolvers.audit_entries import record_audit_entry
from resolvers.errors import Conflict, Invalid, LimitReached, NotFound
from resolvers.events.inputs import MODEL, NAME, TOKENS
from resolvers.locks import lock_project
from resolvers.prices.book import tier_of
from resolvers.prices.listing import current_prices
from resolvers.prices.patterns import overlap, rank
from resolvers.texts import check_optional_text, check_text

MOST_PRICES: Final = 500
MOST_TIERS: Final = 10
MOST_NOTE: Final = 1000
MOST_PLACES: Final = 12
MOST_FACTOR: Final = 100
CURRENCY: Final = "USD"
DEAREST: Final = 10_000
"""Dollars for a million tokens. The dearest model of 2026 costs 600."""
CHEAPEST: Final = Decimal("0.0001")
"""Less than this, unless it is nothing, was meant for a single token."""
DEAREST_REQUEST: Final = 1_000
NO_SUCH: Final = "There is no such price in this project."

Given = Mapping[str, Decimal | None]
"""Prices in dollars by kind."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a price says. `tiers` are input sizes, and the prices above each that differ from `rates`."""

    model: str
    provider: str | None = None
    service_tier: str | None = None
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    rates: Given | None = None
    tiers: Sequence[tuple[int, Given]] = ()
    factor: Decimal | None = None
    note: str | None = None


async def save_price(
    session: WriteSession,
    *,
    project_id: int,
    number: int | None,
    values: Mapping[str, Any],
    names: Mapping[str, str],
    actor: str,
    currency: str | None = CURRENCY,
) -> Price:
    """Adds a price (`number` None) or a revision of one; answers it as it stands, a new one only if something changed.

    `values` has those of the Terms that are meant: what is left out stays as it was. `names` says how the client
    spells the kinds of prices, for refusals. Raises Invalid, NotFound, LimitReached; Conflict when another price is as
    specific and begins at the same time.
    """
    if currency is not None and currency.upper() != CURRENCY:
        raise Invalid(
            "Prices are in US dollars (`USD`) for a million tokens, or one request: convert them.", field="currency"
        )
    if number is None and "model" not in values:
        raise Invalid("A new price needs a `model`, or a pattern such as `gpt-5*`.", field="model")
    now = dt.datetime.now(dt.UTC)
    await lock_project(session, project_id=project_id)
    prices = await current_prices(session, project_id=project_id)
    before = None if number is None else _find(prices, number)
    terms = _checked(replace(_terms_of(before), **values) if before else Terms(**values), names)
    made = _row(terms)
    if before is not None and all(getattr(before, name) == value for name, value in made.items()):
        return before
    _check_ties(made, [price for price in prices if price is not before])
    if before is None:
        if len(prices) >= MOST_PRICES:
            raise LimitReached(f"The project has {MOST_PRICES} prices: delete those that nothing needs any more.")
        last = await session.scalar(select(func.max(Price.id)).where(Price.project_id == project_id)) or 0
        number, revision = last + 1, 1
    else:
        number, revision, before.replaced_at = before.id, before.revision + 1, now
    price = Price(
        project_id=project_id, id=number, revision=revision, saved_at=now, saved_by=actor, replaced_at=None, **made
    )
    session.add(price)
    _record(session, price, "price.saved", actor=actor)
    return price


async def delete_price(session: WriteSession, *, project_id: int, number: int, actor: str) -> None:
    """Ends a price: it prices nothing any more, and what it has priced still names it. Raises NotFound."""
    await lock_project(session, project_id=project_id)
    price = _find(await current_prices(session, project_id=project_id), number)
    price.replaced_at = dt.datetime.now(dt.UTC)
    _record(session, price, "price.deleted", actor=actor)


def _record(session: WriteSession, price: Price, action: str, *, actor: str) -> None:
    details = {
        "revision": price.revision,
        "provider": price.provider,
        "model": price.model,
        "serviceTier": price.service_tier,
        "from": price.starts_at and price.starts_at.isoformat(),
        "to": price.ends_at and price.ends_at.isoformat(),
        "rates": price.rates,
        "tiers": price.tiers,
        "factor": price.factor,
    }
    target = f"price:{price.id}"
    record_audit_entry(session, project_id=price.project_id, actor=actor, action=action, target=target, details=details)


def _find(prices: Sequence[Price], number: int) -> Price:
    for price in prices:
        if price.id == number:
            return price
    raise NotFound(NO_SUCH, field="id")


def _terms_of(price: Price) -> Terms:
    return Terms(
        model=price.model,
        provider=price.provider,
        service_tier=price.service_tier,
        starts_at=price.starts_at,
        ends_at=price.ends_at,
        rates=_decimals(price.rates),
        tiers=[(tier["above"], _decimals(tier["rates"])) for tier in price.tiers],
        factor=None if price.factor is None else Decimal(price.factor),
        note=price.note,
    )


def _checked(terms: Terms, names: Mapping[str, str]) -> Terms:
    """The terms, tidied. Raises Invalid that names the field and the remedy."""
    if terms.starts_at and terms.ends_at and terms.ends_at <= terms.starts_at:
        raise Invalid("`to` must lie after `from`: a price holds from `from` until just before `to`.", field="to")
    if terms.factor is not None:
        if terms.rates or terms.tiers:
            raise Invalid(
                "A price has either `rates`, with `tiers`, or a `factor`: send null for the other.", field="factor"
            )
        if not (terms.factor.is_finite() and 0 <= terms.factor <= MOST_FACTOR and _places(terms.factor) <= MOST_PLACES):
            raise Invalid(
                f"`factor` multiplies the price that would hold without it: from 0 to {MOST_FACTOR}, 0.5 for half.",
                field="factor",
            )
    elif not _given(terms.rates):
        raise Invalid("A price needs `rates` of at least one kind, or a `factor`. What is free costs 0.", field="rates")
    _check_rates(terms.rates or {}, "rates", names)
    _check_tiers(terms.tiers, names)
    return replace(
        terms,
        model=check_text(terms.model, field="model", most=MODEL),
        provider=check_optional_text(terms.provider, field="provider", most=NAME),
        service_tier=tier_of(check_optional_text(terms.service_tier, field="serviceTier", most=NAME)),
        note=check_optional_text(terms.note, field="note", most=MOST_NOTE),
    )


def _check_tiers(tiers: Sequence[tuple[int, Given]], names: Mapping[str, str]) -> None:
    if len(tiers) > MOST_TIERS:
        raise Invalid(f"A price has at most {MOST_TIERS} tiers.", field="tiers")
    last = 0
    for place, (above, rates) in enumerate(tiers):
        where = f"tiers.{place}"
        if not last < above <= TOKENS:
            raise Invalid(
                f"`aboveInputTokens` counts input tokens, from 1 to {TOKENS}, ascending from tier to tier.",
                field=f"{where}.aboveInputTokens",
            )
        last = above
        if not _given(rates):
            raise Invalid("A tier needs `rates` of the kinds that cost something else in it.", field=f"{where}.rates")
        _check_rates(rates, f"{where}.rates", names)


def _check_rates(rates: Given, where: str, names: Mapping[str, str]) -> None:
    for kind, price in rates.items():
        if price is None:
            continue
        name = names[kind]
        per, most = ("request", DEAREST_REQUEST) if kind == REQUEST else ("million tokens", DEAREST)
        least = Decimal(0) if kind == REQUEST else CHEAPEST
        if not price.is_finite() or price < 0 or price > most or _places(price) > MOST_PLACES:
            raise Invalid(
                f"`{name}` is in US dollars for one {per}: a number from 0 to {most} with at most {MOST_PLACES} "
                "decimals. Check its unit.",
                field=f"{where}.{name}",
            )
        if 0 < price < least:
            raise Invalid(
                f"`{name}` is in US dollars for a million tokens, and {price:f} looks like the price of one: "
                "multiply it by a million.",
                field=f"{where}.{name}",
            )


def _check_ties(made: Mapping[str, Any], others: Sequence[Price]) -> None:
    """Raises Conflict when nothing would decide between the new price and another one."""
    for other in others:
        if (
            (other.service_tier, other.starts_at) == (made["service_tier"], made["starts_at"])
            and rank(other.provider, other.model) == rank(made["provider"], made["model"])
            and overlap(other.model, made["model"])
            and (other.provider is None or overlap(other.provider, made["provider"]))
        ):
            raise Conflict(
                "Another price is as specific, for the same service tier, and begins at the same time: change that "
                "one, or let this one begin at another time.",
                field="model",
                current=other,
            )


def _row(terms: Terms) -> dict[str, Any]:
    """The columns that say the terms."""
    rates = _texts(terms.rates or {})
    tiers = [{"above": above, "rates": _texts(rates)} for above, rates in terms.tiers]
    factor = None if terms.factor is None else _text(terms.factor)
    return asdict(terms) | {"rates": rates, "tiers": tiers, "factor": factor}


def _given(rates: Given | None) -> bool:
    return any(price is not None for price in (rates or {}).values())


def _texts(rates: Given) -> dict[str, str]:
    return {kind: _text(price) for kind in KINDS if (price := rates.get(kind)) is not None}


def _text(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _decimals(rates: Mapping[str, str]) -> dict[str, Decimal | None]:
    return {kind: Decimal(text) for kind, text in rates.items()}


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
