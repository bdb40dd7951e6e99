"""Which media type a client wants, and whether it sends JSON."""

import math
from collections.abc import Sequence
from typing import Final

GRAPHQL_RESPONSE: Final = "application/graphql-response+json"
JSON: Final = "application/json"
HTML: Final = "text/html"
EVENT_STREAM: Final = "text/event-stream"


def accepted(accept: str, offers: Sequence[str]) -> str | None:
    """The offer that an Accept header likes best; the earlier one of two that it likes alike; None when it likes none.

    A wildcard, like no header at all, stands for `application/json`, the one type that every client understands.
    """
    wanted = _qualities(accept) if accept.strip() else {"*/*": 1.0}
    wanted.setdefault(JSON, wanted.get("application/*", wanted.get("*/*", 0.0)))
    liked = [offer for offer in offers if wanted.get(offer, 0.0) > 0]
    return max(liked, key=lambda offer: wanted[offer], default=None)


def is_json(content_type: str) -> bool:
    """Whether a Content-Type says JSON in UTF-8, which it is when no charset is named."""
    media_type, parameters = _parsed(content_type)
    return media_type == JSON and parameters.get("charset", "utf-8") == "utf-8"


def _qualities(accept: str) -> dict[str, float]:
    """Each media type of an Accept header with its quality; those in another charset than UTF-8 are left out."""
    qualities: dict[str, float] = {}
    for item in accept.split(","):
        media_type, parameters = _parsed(item)
        if parameters.get("charset", "utf-8") == "utf-8":
            qualities[media_type] = max(_quality(parameters.get("q", "1")), qualities.get(media_type, 0.0))
    return qualities


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return min(max(quality, 0.0), 1.0) if math.isfinite(quality) else 0.0


def _parsed(value: str) -> tuple[str, dict[str, str]]:
    media_type, *parameters = value.lower().split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return media_type.strip(), {name.strip(): text.strip().strip('"') for name, _, text in pairs}
