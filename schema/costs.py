"""What the cost of a model call rests on."""

import re
from decimal import Decimal
from enum import Enum
from typing import Final, Self

import strawberry

from integrations.rates import (
    CACHE_READ,
    CACHE_WRITE,
    INPUT,
    INPUT_AUDIO,
    INPUT_IMAGE,
    OUTPUT,
    OUTPUT_AUDIO,
    OUTPUT_IMAGE,
    SERVICE_TIER,
)
from realtime.facts import UsageFact
from resolvers.metrics.figures import dollars
from resolvers.prices.listing import Revision, prices_by_revision
from resolvers.prices.pricing import FROM_PROVIDER
from schema.context import Info
from schema.prices import CostSource, Price

OWN_PRICE: Final = re.compile(r"price ([0-9]{1,9}) revision ([0-9]{1,9})( of .*)?")


@strawberry.enum(description="What of a call had no price of its own.")
class Unpriced(Enum):
    INPUT = strawberry.enum_value(INPUT, description="Tokens of the prompt: the cost is unknown.")
    CACHE_READ = strawberry.enum_value(CACHE_READ, description="Tokens read from a cache: counted as input.")
    CACHE_WRITE = strawberry.enum_value(CACHE_WRITE, description="Tokens written to a cache: counted as input.")
    OUTPUT = strawberry.enum_value(OUTPUT, description="Tokens of the answer: the cost is unknown.")
    INPUT_AUDIO = strawberry.enum_value(INPUT_AUDIO, description="Audio in the prompt: counted as input.")
    OUTPUT_AUDIO = strawberry.enum_value(OUTPUT_AUDIO, description="Audio in the answer: counted as output.")
    INPUT_IMAGE = strawberry.enum_value(INPUT_IMAGE, description="Images in the prompt: counted as input.")
    OUTPUT_IMAGE = strawberry.enum_value(OUTPUT_IMAGE, description="Images in the answer: counted as output.")
    SERVICE_TIER = strawberry.enum_value(SERVICE_TIER, description="The service tier: counted as the standard one.")


@strawberry.type(description="What a cost rests on.")
class CostBasis:
    key: strawberry.Private[Revision | None]
    source: CostSource = strawberry.field(description="Where it comes from.")
    price_version: str | None = strawberry.field(
        description="The prices that it was computed with: `genai-prices` and its version, or the number and revision "
        "of a price of the project's own; null otherwise."
    )
    unpriced: list[Unpriced] = strawberry.field(
        description="What had no price of its own, and was counted at another one; without a cost, what stood in its "
        "way: at most 9. Empty where the provider's own figure counts."
    )

    @strawberry.field(
        description="The price of the project's own, in the revision that the cost was computed with; null otherwise."
    )
    async def price(self, info: Info) -> Price | None:
        row = await info.context.loader(prices_by_revision).load(self.key) if self.key else None
        return Price.of(row) if row else None

    @classmethod
    def of(cls, fact: UsageFact) -> Self:
        own = OWN_PRICE.fullmatch(fact.price_version or "")
        return cls(
            key=(fact.project_id, int(own[1]), int(own[2])) if own else None,
            source=CostSource(fact.cost_source),
            price_version=fact.price_version,
            unpriced=[Unpriced(name) for name in fact.unpriced.split(",")] if fact.unpriced else [],
        )


def reported_usd(fact: UsageFact) -> Decimal | None:
    """What the sender says that the provider billed."""
    reported = fact.reported_picousd
    if reported is None and fact.cost_source == FROM_PROVIDER:
        reported = fact.cost_picousd
    return None if reported is None else dollars(reported)


def computed_usd(fact: UsageFact) -> Decimal | None:
    """What our prices say."""
    ours = fact.computed_picousd if fact.cost_source == FROM_PROVIDER else fact.cost_picousd
    return None if ours is None else dollars(ours)
