"""Prices that the project sets itself, the price in force for a call, and the mutations that save and delete them."""

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Self

import strawberry
from strawberry import UNSET

from integrations.rates import (
    CACHE_READ,
    CACHE_WRITE,
    INPUT,
    INPUT_AUDIO,
    INPUT_IMAGE,
    OUTPUT,
    OUTPUT_AUDIO,
    OUTPUT_IMAGE,
    REASONING,
    REQUEST,
)
from models import Price as PriceRow
from resolvers.errors import NotFound
from resolvers.prices import listing
from resolvers.prices.book import InForce, version_of
from resolvers.prices.saving import CURRENCY, NO_SUCH, delete_price, save_price
from schema.context import Info
from schema.guards import EDITS, READS
from schema.ids import Node, encode_id, own_number
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.scalars import BigInt
from schema.selections import selected

PLACE: Final = "prices"
REVISIONS: Final = "priceRevisions"
FIELDS: Final = {
    INPUT: "input",
    CACHE_READ: "cache_read",
    CACHE_WRITE: "cache_write",
    OUTPUT: "output",
    REASONING: "reasoning",
    INPUT_AUDIO: "input_audio",
    OUTPUT_AUDIO: "output_audio",
    INPUT_IMAGE: "input_image",
    OUTPUT_IMAGE: "output_image",
    REQUEST: "per_request",
}
"""The field of each kind of price."""
NAMES: Final = {
    kind: "".join([first, *map(str.title, others)])
    for kind, (first, *others) in ((kind, name.split("_")) for kind, name in FIELDS.items())
}
TERMS: Final = {"from_": "starts_at", "to": "ends_at"}
"""What the resolvers call the fields that have another name there."""


@strawberry.enum(description="Where a cost comes from.")
class CostSource(Enum):
    PROVIDER = strawberry.enum_value("provider", description="The sender said what the provider billed.")
    BOOK = strawberry.enum_value("book", description="Computed from the list price in force at the event's time.")
    OVERRIDE = strawberry.enum_value(
        "override", description="Computed from a price of the project's own, in force at the event's time."
    )
    NONE = strawberry.enum_value("none", description="Nobody knows a price: the cost is null.")


@strawberry.type(description="Prices in US dollars: for a million tokens of a kind, or for one request. Null: none.")
class PriceRates:
    input: Decimal | None = strawberry.field(description="Tokens of the prompt that no other price is for.")
    cache_read: Decimal | None = strawberry.field(description="Tokens read from the provider's cache; else `input`.")
    cache_write: Decimal | None = strawberry.field(description="Tokens written to the cache; else `input`.")
    output: Decimal | None = strawberry.field(description="Tokens of the answer that no other price is for.")
    reasoning: Decimal | None = strawberry.field(description="Tokens of reasoning; else `output`.")
    input_audio: Decimal | None = strawberry.field(description="Tokens of audio in the prompt; else `input`.")
    output_audio: Decimal | None = strawberry.field(description="Tokens of audio in the answer; else `output`.")
    input_image: Decimal | None = strawberry.field(description="Tokens of images in the prompt; else `input`.")
    output_image: Decimal | None = strawberry.field(description="Tokens of images in the answer; else `output`.")
    per_request: Decimal | None = strawberry.field(description="The request itself, whatever it says.")

    @classmethod
    def of(cls, rates: dict[str, Any]) -> Self:
        """`rates` are numbers or their text, by kind."""
        return cls(**{name: Decimal(rates[kind]) if kind in rates else None for kind, name in FIELDS.items()})


@strawberry.type(description="What differs for calls with many input tokens: all of the call's tokens cost this then.")
class ContextTier:
    above_input_tokens: BigInt = strawberry.field(description="It holds for calls with more input tokens than this.")
    rates: PriceRates = strawberry.field(description="The prices that differ; the others are those of the price.")


@strawberry.type(description="A price that the project has set, in one of its revisions.")
class Price(Node):
    revision: int = strawberry.field(description="1 when it was added; each change makes the next.")
    price_version: str = strawberry.field(description="How events name it: its number and revision.")
    provider: str | None = strawberry.field(description="The provider or a pattern of providers; null: any, or none.")
    model: str = strawberry.field(description="The model, or a pattern of models such as `gpt-5*`.")
    service_tier: str | None = strawberry.field(description="The service tier that it is for; null: the standard one.")
    from_: dt.datetime | None = strawberry.field(
        name="from", description="It prices calls from this time on; null: from ever on."
    )
    to: dt.datetime | None = strawberry.field(description="It prices calls before this time; null: for ever.")
    rates: PriceRates = strawberry.field(description="What calls cost; all null with a `factor`.")
    tiers: list[ContextTier] = strawberry.field(
        description="What differs for calls with many input tokens: at most 10."
    )
    factor: Decimal | None = strawberry.field(
        description="Instead of rates: multiplies the price that would hold without it."
    )
    note: str | None = strawberry.field(description="Where it comes from, in words.")
    saved_at: dt.datetime = strawberry.field(description="When this revision was saved.")
    saved_by: str = strawberry.field(description="The name of the key that saved it.")
    replaced_at: dt.datetime | None = strawberry.field(
        description="When the next revision took its place, or the price was deleted; null: it stands."
    )

    @classmethod
    def of(cls, row: PriceRow) -> Self:
        tiers = [
            ContextTier(above_input_tokens=tier["above"], rates=PriceRates.of(tier["rates"])) for tier in row.tiers
        ]
        return cls(
            id=encode_id("Price", row.project_id, row.id),
            revision=row.revision,
            price_version=version_of(row),
            provider=row.provider,
            model=row.model,
            service_tier=row.service_tier,
            from_=row.starts_at,
            to=row.ends_at,
            rates=PriceRates.of(row.rates),
            tiers=tiers,
            factor=None if row.factor is None else Decimal(row.factor),
            note=row.note,
            saved_at=row.saved_at,
            saved_by=row.saved_by,
            replaced_at=row.replaced_at,
        )


@strawberry.type(description="What a call costs.")
class PriceInForce:
    source: CostSource = strawberry.field(description="BOOK or OVERRIDE.")
    price_version: str = strawberry.field(description="How events name it.")
    rates: PriceRates = strawberry.field(description="The prices, with the factor and the context tier applied.")
    service_tier_known: bool = strawberry.field(
        description="False: there is no price for this service tier, and the standard one counts."
    )
    price: Price | None = strawberry.field(description="The project's own price; null: the list's.")

    @classmethod
    def of(cls, found: InForce) -> Self:
        return cls(
            source=CostSource(found.rates.source),
            price_version=found.rates.version,
            rates=PriceRates.of(found.rates.dollars),
            service_tier_known=found.rates.tier_known,
            price=Price.of(found.price) if found.price else None,
        )


@strawberry.input(description="Keeps the prices that meet every condition.")
class PriceFilter:
    provider: str | None = strawberry.field(default=None, description="Those that fit this provider.")
    model: str | None = strawberry.field(default=None, description="Those that fit this model.")
    service_tier: str | None = strawberry.field(
        default=None, description="Those for this service tier; `default` is the standard one."
    )
    at: dt.datetime | None = strawberry.field(default=None, description="Those in force at this time.")

    def resolve(self) -> listing.PriceFilter:
        return listing.PriceFilter(self.provider, self.model, self.service_tier, self.at)


@strawberry.input(
    description="Prices in US dollars: for a million tokens of a kind, or for one request. What is left out has no "
    "price of its own; what is free costs 0."
)
class PriceRatesInput:
    input: Decimal | None = strawberry.field(default=None, description="Tokens of the prompt.")
    cache_read: Decimal | None = strawberry.field(default=None, description="Tokens read from the provider's cache.")
    cache_write: Decimal | None = strawberry.field(default=None, description="Tokens written to the provider's cache.")
    output: Decimal | None = strawberry.field(default=None, description="Tokens of the answer.")
    reasoning: Decimal | None = strawberry.field(default=None, description="Tokens of reasoning.")
    input_audio: Decimal | None = strawberry.field(default=None, description="Tokens of audio in the prompt.")
    output_audio: Decimal | None = strawberry.field(default=None, description="Tokens of audio in the answer.")
    input_image: Decimal | None = strawberry.field(default=None, description="Tokens of images in the prompt.")
    output_image: Decimal | None = strawberry.field(default=None, description="Tokens of images in the answer.")
    per_request: Decimal | None = strawberry.field(default=None, description="One request, whatever it says.")

    def resolve(self) -> dict[str, Decimal | None]:
        return {kind: getattr(self, name) for kind, name in FIELDS.items()}


@strawberry.input(description="Other prices for calls with many input tokens.")
class ContextTierInput:
    above_input_tokens: BigInt = strawberry.field(description="For calls with more input tokens than this.")
    rates: PriceRatesInput = strawberry.field(description="The prices that differ.")


@strawberry.input(
    description="A price to add, or with `id` to change: what is left out then stays as it is, and null is the default."
)
class SavePriceInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The price to change; null adds one.")
    provider: str | None = strawberry.field(
        default=UNSET, description="The provider, or a pattern (`*` is any characters). By default any, or none."
    )
    model: str | None = strawberry.field(
        default=UNSET, description="The model, or a pattern such as `gpt-5*`; a new price needs one."
    )
    service_tier: str | None = strawberry.field(
        default=UNSET, description="The service tier that it is for, such as `batch`. By default the standard one."
    )
    from_: dt.datetime | None = strawberry.field(
        default=UNSET, name="from", description="It prices calls from this time on. By default from ever on."
    )
    to: dt.datetime | None = strawberry.field(
        default=UNSET, description="It prices calls before this time. By default for ever."
    )
    currency: str | None = strawberry.field(default=CURRENCY, description="`USD`: there is no other.")
    rates: PriceRatesInput | None = strawberry.field(
        default=UNSET, description="What calls cost: replaces all rates that were there."
    )
    tiers: list[ContextTierInput] | None = strawberry.field(
        default=UNSET, description="What differs for calls with many input tokens, ascending: at most 10."
    )
    factor: Decimal | None = strawberry.field(
        default=UNSET,
        description="Instead of rates: multiplies the price that would hold without it, such as 0.5 for `batch`.",
    )
    note: str | None = strawberry.field(default=UNSET, description="Where it comes from: at most 1,000 characters.")

    def resolve(self) -> dict[str, Any]:
        """What is meant, but for the id and the currency, as the resolvers name it."""
        given = {
            TERMS.get(name, name): value
            for name, value in vars(self).items()
            if value is not UNSET and name not in ("id", "currency")
        }
        if given.get("rates"):
            given["rates"] = given["rates"].resolve()
        if "tiers" in given:
            given["tiers"] = [(tier.above_input_tokens, tier.rates.resolve()) for tier in given["tiers"] or ()]
        if given.get("model", "") is None:
            given["model"] = ""
        return given


@strawberry.type(description="The price as it is now.")
class SavePricePayload(Payload):
    price: Price | None = strawberry.field(
        default=None, description="The price; null when refused. Of a CONFLICT: the price that it ties with."
    )

    @classmethod
    def shown(cls, current: Any) -> dict[str, Any]:
        return {"price": Price.of(current)}


@strawberry.input(description="The price to delete.")
class DeletePriceInput:
    id: strawberry.ID = strawberry.field(description="The price's `id`.")


@strawberry.type(description="What was deleted.")
class DeletePricePayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The price's `id`; null when refused."
    )


@strawberry.type
class PriceQuery:
    @strawberry.field(
        description="The project's own prices, in the order in which they were added. All others are list prices: "
        "`priceOf` tells them.",
        extensions=[READS],
    )
    async def prices(
        self,
        info: Info,
        first: First,
        after: After = None,
        filter: Annotated[  # noqa: A002
            PriceFilter | None, strawberry.argument(description="What to keep.")
        ] = None,
    ) -> Connection[Price]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        place = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        kept = filter.resolve() if filter else listing.PriceFilter()
        async with info.context.reading() as session:
            rows = await listing.list_prices(session, project_id=project_id, filter=kept, limit=limit, after=place)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await listing.count_prices(session, project_id=project_id, filter=kept)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Price.of,
            cursor=lambda row: encode_cursor(PLACE, (row.id,)),
            total_count=total,
        )

    @strawberry.field(
        description="The revisions of one of the project's own prices, also of a deleted one: the latest first.",
        extensions=[READS],
    )
    async def price_revisions(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The price's `id`.")],  # noqa: A002
        first: First,
        after: After = None,
    ) -> Connection[Price]:
        project_id, limit = info.context.principal.project_id, page_size(first) + 1
        try:
            number = own_number(id, "Price", project_id, NO_SUCH)
        except NotFound:
            return Connection.of([], first=first, after=after, node=Price.of, cursor=str)
        place = decode_cursor(REVISIONS, after, tuple[int])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await listing.list_revisions(session, project_id=project_id, number=number, limit=limit, after=place)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Price.of,
            cursor=lambda row: encode_cursor(REVISIONS, (row.revision,)),
        )

    @strawberry.field(
        description="What a call would cost: the project's own price, else the list's; null when nobody knows one.",
        extensions=[READS],
    )
    async def price_of(
        self,
        info: Info,
        model: Annotated[str, strawberry.argument(description="The model.")],
        provider: Annotated[str | None, strawberry.argument(description="Who runs it.")] = None,
        service_tier: Annotated[str | None, strawberry.argument(description="The provider's service tier.")] = None,
        time: Annotated[dt.datetime | None, strawberry.argument(description="When; null: now.")] = None,
        input_tokens: Annotated[int, strawberry.argument(description="The size of the prompt.")] = 0,
    ) -> PriceInForce | None:
        prices = info.context.services.prices
        async with info.context.reading() as session:
            book = await listing.read_book(session, project_id=info.context.principal.project_id, prices=prices)
        at = (time or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
        found = book.look_up(provider, model, service_tier, at, max(input_tokens, 0))
        return PriceInForce.of(found) if found else None


@strawberry.type
class PriceMutation:
    @strawberry.mutation(
        description="Adds or changes a price of the project's own. Calls that come from 5 seconds later on cost it; "
        "`repriceUsage` applies it to those that are stored. A change makes a new revision.",
        extensions=[EDITS, REFUSALS],
    )
    async def save_price(
        self,
        info: Info,
        input: Annotated[SavePriceInput, strawberry.argument(description="The price.")],  # noqa: A002
    ) -> SavePricePayload:
        principal = info.context.principal
        number = None if input.id is None else own_number(input.id, "Price", principal.project_id, NO_SUCH)
        async with info.context.writing() as session:
            row = await save_price(
                session,
                project_id=principal.project_id,
                number=number,
                values=input.resolve(),
                names=NAMES,
                currency=input.currency,
                actor=principal.name,
            )
        return SavePricePayload(price=Price.of(row))

    @strawberry.mutation(
        description="Deletes a price of the project's own: it prices nothing any more. What it has priced still names "
        "it, and its revisions stay.",
        extensions=[EDITS, REFUSALS],
    )
    async def delete_price(
        self,
        info: Info,
        input: Annotated[DeletePriceInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> DeletePricePayload:
        principal = info.context.principal
        number = own_number(input.id, "Price", principal.project_id, NO_SUCH)
        async with info.context.writing() as session:
            await delete_price(session, project_id=principal.project_id, number=number, actor=principal.name)
        return DeletePricePayload(deleted_id=input.id)
