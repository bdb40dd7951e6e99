"""Counts of tokens in spans as tokens of events."""

from typing import Any, Final

from ingest.otlp.attributes import count
from ingest.otlp.plans import COUNTS, Found
from resolvers.events.inputs import TOKENS, Tokens
from resolvers.events.usage import tokens_of

EXCLUDING: Final = ("anthropic", "bedrock", "claude")
"""Providers whose own `input_tokens` leave out what was cached, by a part of their name or the model's."""
FIELDS: Final = tuple(field.partition(",")[0] for field in COUNTS)
OWN: Final = len(Tokens.__struct_fields__)
"""So many of COUNTS are fields of Tokens."""


def tokens_in(found: Found, model: str) -> tuple[Tokens | None, dict[str, Any] | None]:
    """The tokens, None without any, and what was reported where that says something else.

    Raises Refused for what is no count.
    """
    counts = found.counts()
    for value in found.reported():
        if type(value) is not int or not 0 <= value <= TOKENS:
            counts = tuple(map(count, FIELDS, counts))
            if counts.count(None) == len(counts):
                return None, None
            break
    said = Tokens(*counts[:OWN])
    total, read, written = counts[OWN:]
    beside = False
    if (read is not None or written is not None) and said.cache_read is None and said.cache_write is None:
        said.cache_read, said.cache_write = read, written
        # Who copies the provider's names copies what they mean, too.
        maker = f"{found.said.provider} {model}".lower()
        beside = any(name in maker for name in EXCLUDING)
    tokens = tokens_of(said, total=total, cached_beside=beside)
    if tokens is said and (total is None or total == (said.input or 0) + (said.output or 0)):
        return tokens, None
    return tokens, found.reported_by_name()
