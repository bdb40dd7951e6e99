"""What a call costs, worked out from the words of docs/prices.md in plain Python and nothing cleverer."""

import datetime as dt
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fnmatch import fnmatchcase
from typing import Any

from genai_prices import Usage, calc_price

Json = dict[str, Any]
Answer = tuple[int | None, str]
"""Picodollars, and the source of the cost."""

STANDARD = (None, "default")


def cost(event: Json, own: Sequence[Json]) -> Answer:
    """What an event of the wire costs. `own` are inputs of savePrice, with aware times."""
    ours, source = computed(event, own)
    if event.get("costUsd") is not None:
        return _pico(Decimal(str(event["costUsd"]))), "provider"
    return (None, "none") if ours is None else (_pico(ours), source)


def computed(event: Json, own: Sequence[Json]) -> tuple[Decimal | None, str]:
    """Dollars by our prices, and their source."""
    tier = event.get("serviceTier")
    if tier not in STANDARD and (price := _best(event, own, tier)) is not None:
        if "factor" not in price:
            return _by(price, event), "override"
        standard, _ = _standard(event, own)
        return (None if standard is None else standard * Decimal(price["factor"])), "override"
    return _standard(event, own)


def _standard(event: Json, own: Sequence[Json]) -> tuple[Decimal | None, str]:
    price = _best(event, own, None)
    if price is None:
        return _listed(event), "book"
    if "factor" in price:
        listed = _listed(event)
        return (None if listed is None else listed * Decimal(price["factor"])), "override"
    return _by(price, event), "override"


def _best(event: Json, own: Sequence[Json], tier: str | None) -> Json | None:
    time = dt.datetime.fromisoformat(event["time"])
    fitting = [
        price
        for price in own
        if price.get("serviceTier") == tier
        and fnmatchcase(event["model"].lower(), price["model"].lower())
        and (price.get("provider") is None or fnmatchcase(event.get("provider") or "", price["provider"]))
        and (price.get("from_") is None or dt.datetime.fromisoformat(price["from_"]) <= time)
        and (price.get("to") is None or time < dt.datetime.fromisoformat(price["to"]))
    ]

    def order(price: Json) -> Any:
        model, provider = price["model"], price.get("provider")
        return (
            "*" not in model,
            len(model.replace("*", "")),
            -1 if provider is None else int("*" not in provider),
            len((provider or "").replace("*", "")),
            price.get("from_") or "",
        )

    return max(fitting, key=order, default=None)


def _by(price: Json, event: Json) -> Decimal | None:
    tokens = event["tokens"]
    whole = tokens.get("input", 0)
    rates = dict(price["rates"])
    for tier in price.get("tiers", ()):
        if whole > tier["aboveInputTokens"]:
            rates = {**price["rates"], **tier["rates"]}
    read, write, reasoning = tokens.get("cacheRead", 0), tokens.get("cacheWrite", 0), tokens.get("reasoning", 0)
    audio, spoken = tokens.get("inputAudio", 0), tokens.get("outputAudio", 0)
    total = Decimal(rates.get("perRequest", "0"))
    for count, names in (
        (whole - read - write - audio, ("input",)),
        (read, ("cacheRead", "input")),
        (write, ("cacheWrite", "input")),
        (audio, ("inputAudio", "input")),
        (tokens.get("output", 0) - reasoning - spoken, ("output",)),
        (reasoning, ("reasoning", "output")),
        (spoken, ("outputAudio", "output")),
    ):
        rate = next((rates[name] for name in names if name in rates), None)
        if count and rate is None:
            return None
        total += Decimal(rate or "0") * count / 1_000_000
    return total


def _listed(event: Json) -> Decimal | None:
    tokens = event["tokens"]
    usage = Usage(
        input_tokens=tokens.get("input", 0),
        cache_read_tokens=tokens.get("cacheRead", 0),
        cache_write_tokens=tokens.get("cacheWrite", 0),
        output_tokens=tokens.get("output", 0),
        output_reasoning_tokens=tokens.get("reasoning", 0),
        input_audio_tokens=tokens.get("inputAudio", 0),
        output_audio_tokens=tokens.get("outputAudio", 0),
    )
    time = dt.datetime.fromisoformat(event["time"])
    try:
        price = calc_price(usage, event["model"], provider_id=event.get("provider"), genai_request_timestamp=time)
    except LookupError:
        return None
    return price.total_price


def _pico(dollars: Decimal) -> int:
    return int((dollars * 10**12).quantize(Decimal(1), ROUND_HALF_EVEN))
