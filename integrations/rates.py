"""What a model call costs by known prices: exact picodollars, and which kinds of its tokens had no price.

Prices are in dollars: for a million tokens of a kind, or for one request. They are turned once into whole numbers per
token, so that a call costs a handful of multiplications.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

PICODOLLARS: Final = 10**12
MILLION: Final = 10**6
LARGEST: Final = 2**63 - 1
MOST_REMEMBERED: Final = 10_000
MOST_TIERS: Final = 1_000
MOST_KINDS: Final = 512

BOOK: Final = "book"
OVERRIDE: Final = "override"
"""Where rates come from: the list prices, or a price that the project has set."""

INPUT: Final = "input"
CACHE_READ: Final = "cache_read"
CACHE_WRITE: Final = "cache_write"
OUTPUT: Final = "output"
REASONING: Final = "reasoning"
INPUT_AUDIO: Final = "input_audio"
OUTPUT_AUDIO: Final = "output_audio"
INPUT_IMAGE: Final = "input_image"
OUTPUT_IMAGE: Final = "output_image"
REQUEST: Final = "request"
SERVICE_TIER: Final = "service_tier"

FALLBACKS: Final[Mapping[str, str]] = {
    CACHE_READ: INPUT,
    CACHE_WRITE: INPUT,
    INPUT_AUDIO: INPUT,
    INPUT_IMAGE: INPUT,
    REASONING: OUTPUT,
    OUTPUT_AUDIO: OUTPUT,
    OUTPUT_IMAGE: OUTPUT,
}
"""The kind whose price counts for one that has none, as in genai-prices."""

TOKENS: Final = (
    INPUT,
    CACHE_READ,
    CACHE_WRITE,
    OUTPUT,
    REASONING,
    INPUT_AUDIO,
    OUTPUT_AUDIO,
    INPUT_IMAGE,
    OUTPUT_IMAGE,
)
KINDS: Final = (*TOKENS, REQUEST)
"""Every kind of which a price may exist; all but the request by a million tokens."""

STANDARD_TIERS: Final = frozenset({"", "default", "standard", "auto", "on_demand"})
"""What providers call the tier that their list prices are for."""

Present = tuple[bool, ...]
"""Which of TOKENS a call has."""

Dollars = Mapping[str, Decimal | None]
"""Prices by kind; None or absent: there is none."""


class Rates:
    """The price of a call in one case. `source` is BOOK or OVERRIDE, and `version` names the price and its state.

    `dollars` are the prices that it is made from.
    """

    __slots__ = (
        "_absent",
        "_lacking",
        "_named",
        "_of",
        "_plain",
        "_reads",
        "_scale",
        "_writes",
        "dollars",
        "source",
        "tier_known",
        "version",
    )

    def __init__(self, dollars: Dollars, *, source: str, version: str, tier_known: bool = True) -> None:
        self.dollars: dict[str, Decimal] = {kind: price for kind in KINDS if (price := dollars.get(kind)) is not None}
        self.source = source
        self.version = version
        self.tier_known = tier_known
        exact = [_picodollars(self.dollars, kind) for kind in KINDS]
        self._scale = _scale(exact)
        self._of = tuple(int(rate * self._scale) for rate in exact)
        self._absent = frozenset(kind for kind in TOKENS if _price(self.dollars, kind) is None)
        # Answers everywhere bill reasoning as output, so that needs no price of its own.
        self._lacking = tuple(kind for kind in TOKENS if kind not in self.dollars and kind != REASONING)
        self._named: dict[Present, tuple[bool, str | None]] = {}
        self._plain = tier_known and not self._absent
        self._reads, self._writes = CACHE_READ in self.dollars, CACHE_WRITE in self.dollars

    def cost(
        self,
        uncached: int,
        cache_read: int,
        cache_write: int,
        visible: int,
        reasoning: int,
        input_audio: int = 0,
        output_audio: int = 0,
        input_image: int = 0,
        output_image: int = 0,
        calls: int = 1,
    ) -> tuple[int | None, str | None]:
        """Picodollars of a call (or of several together), and the kinds it has without a price, comma-joined or None.

        Audio and images are parts of uncached and visible tokens; what is more than those was cached and costs as such.
        None picodollars: some tokens have no price at all, or the sum outgrows 64 bits.
        """
        of = self._of
        total = of[1] * cache_read + of[2] * cache_write + of[4] * reasoning + of[9] * calls
        sounds_or_pictures = input_audio or output_audio or input_image or output_image
        if sounds_or_pictures:
            input_audio = min(input_audio, uncached)
            input_image = min(input_image, uncached - input_audio)
            output_audio = min(output_audio, visible)
            output_image = min(output_image, visible - output_audio)
            uncached -= input_audio + input_image
            visible -= output_audio + output_image
            total += of[5] * input_audio + of[6] * output_audio + of[7] * input_image + of[8] * output_image
        total += of[0] * uncached + of[3] * visible
        if self._scale != 1:
            total = round(Fraction(total, self._scale))
        known = self._plain and not sounds_or_pictures
        if known and (self._reads or not cache_read) and (self._writes or not cache_write) and total <= LARGEST:
            return total, None
        tokens = (
            uncached,
            cache_read,
            cache_write,
            visible,
            reasoning,
            input_audio,
            output_audio,
            input_image,
            output_image,
        )
        present = tuple(map(bool, tokens))
        named = self._named.get(present)
        if named is None:
            named = self._named[present] = self._lack(present)
        possible, unpriced = named
        return total if possible and total <= LARGEST else None, unpriced

    def times(self, factor: Decimal, *, version: str) -> "Rates":
        """The same prices, each multiplied, as a price that the project has set."""
        multiplied = {kind: price * factor for kind, price in self.dollars.items()}
        return Rates(multiplied, source=OVERRIDE, version=version)

    def _lack(self, present: Present) -> tuple[bool, str | None]:
        """Whether a call with these kinds of tokens can be priced, and the names of what has no price of its own."""
        found = {kind for kind, is_there in zip(TOKENS, present, strict=True) if is_there}
        lacking = found.intersection(self._lacking)
        if REASONING in found & self._absent:
            lacking.add(OUTPUT)
        names = [kind for kind in TOKENS if kind in lacking]
        unpriced = ",".join(names if self.tier_known else [*names, SERVICE_TIER]) or None
        return self._absent.isdisjoint(found), unpriced


def nameless(tokens: Iterable[int]) -> str | None:
    """The kinds of the tokens of a call that nobody has a price for, comma-joined. Tokens in the order of `Rates.cost`.

    Audio and images are named beside the side that they are part of.
    """
    return _names(tuple(map(bool, tokens)))


@lru_cache(MOST_KINDS)
def _names(present: Present) -> str | None:
    found = {OUTPUT if kind == REASONING else kind for kind, is_there in zip(TOKENS, present, strict=True) if is_there}
    return ",".join(kind for kind in TOKENS if kind in found) or None


@lru_cache(MOST_TIERS)
def is_standard(tier: str | None) -> bool:
    """Whether a service tier, as a provider names it, is the one of list prices."""
    return tier is None or tier.strip().lower() in STANDARD_TIERS


@lru_cache(MOST_REMEMBERED)
def of_another_tier(rates: Rates) -> Rates:
    """The same prices for a call of a service tier that they are not meant for, which it will say."""
    return Rates(rates.dollars, source=rates.source, version=rates.version, tier_known=False)


def _price(dollars: Mapping[str, Any], kind: str) -> Decimal | None:
    price: Decimal | None = dollars.get(kind)
    return dollars.get(FALLBACKS.get(kind, kind)) if price is None else price


def _picodollars(dollars: Mapping[str, Any], kind: str) -> Decimal:
    price = _price(dollars, kind) or Decimal(0)
    return price * PICODOLLARS if kind == REQUEST else price * PICODOLLARS / MILLION


def _scale(rates: Iterable[Decimal]) -> int:
    """The power of ten that makes every rate a whole number."""
    places = [-exponent for rate in rates if isinstance(exponent := rate.normalize().as_tuple().exponent, int)]
    return int(10 ** max(0, *places))
