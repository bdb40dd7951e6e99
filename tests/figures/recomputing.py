"""What the log must hold when senders have sent: from the events as they travel, by the words of the contract alone.

Costs are genai-prices' own calculation, an event at a time; an id that comes again at the same time is no new event.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import Any

from genai_prices import Usage, calc_price

from realtime.facts import ApiCallFact, Fact, UsageFact

PICODOLLARS = 10**12
Event = dict[str, Any]


def recomputed(batches: Iterable[Sequence[Event]]) -> list[Fact]:
    """The facts that stay of what was sent, in order: the first of each type, time and id."""
    kept: dict[tuple[str, dt.datetime, str], Fact] = {}
    for batch in batches:
        for event in batch:
            time = dt.datetime.fromisoformat(event["time"])
            key = (event["type"], time, event["id"])
            if key not in kept:
                make = _usage if event["type"] == "usage" else _call
                kept[key] = make(event, time, len(kept) + 1)
    return list(kept.values())


def cost(event: Event, time: dt.datetime) -> int | None:
    """Picodollars: what the sender says, or the list price, or None when there is none."""
    if event.get("costUsd") is not None:
        return _whole(Decimal(event["costUsd"]))
    tokens = event["tokens"]
    month = time.date().replace(day=1)  # no list price of these models changes within one
    return _listed(event.get("provider"), event["model"], month, *(tokens[name] for name in _COUNTED))


_COUNTED = ("input", "cacheRead", "cacheWrite", "output", "reasoning")


@cache
def _listed(provider: str | None, model: str, month: dt.date, *tokens: int) -> int | None:
    prompt, cache_read, cache_write, answer, reasoning = tokens
    usage = Usage(
        input_tokens=prompt,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        output_tokens=answer,
        output_reasoning_tokens=reasoning,
    )
    start = dt.datetime.combine(month, dt.time(12), dt.UTC)
    try:
        price = calc_price(usage, model, provider_id=provider, genai_request_timestamp=start)
    except LookupError:
        return None
    return _whole(price.total_price)


def _whole(dollars: Decimal) -> int:
    return int((dollars * PICODOLLARS).quantize(Decimal(1), ROUND_HALF_EVEN))


def _usage(event: Event, time: dt.datetime, seq: int) -> UsageFact:
    tokens = event["tokens"]
    picodollars = cost(event, time)
    return UsageFact(
        project_id=0,
        time=time,
        id=event["id"],
        seq=seq,
        provider=event.get("provider"),
        model=event["model"],
        operation=event.get("operation"),
        subject=event.get("subject"),
        environment=event.get("environment"),
        trace_id=None,
        session_id=None,
        status=event["status"],
        error_type=None,
        error_message=None,
        duration_ms=event.get("durationMs"),
        time_to_first_token_ms=None,
        uncached_tokens=tokens["input"] - tokens["cacheRead"] - tokens["cacheWrite"],
        cache_read_tokens=tokens["cacheRead"],
        cache_write_tokens=tokens["cacheWrite"],
        visible_tokens=tokens["output"] - tokens["reasoning"],
        reasoning_tokens=tokens["reasoning"],
        cost_picousd=picodollars,
        cost_source="",
        price_version=None,
        estimated=event["estimated"],
        attributes={},
    )


def _call(event: Event, time: dt.datetime, seq: int) -> ApiCallFact:
    return ApiCallFact(
        project_id=0,
        time=time,
        id=event["id"],
        seq=seq,
        method=event["method"],
        route=event["route"],
        status=event["status"],
        duration_ms=event.get("durationMs"),
        request_bytes=None,
        response_bytes=event["responseBytes"],
        subject=event.get("subject"),
        environment=None,
        trace_id=None,
        cache=event.get("cache"),
        attributes={},
    )
