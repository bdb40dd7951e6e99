"""Who finds words for advice: what is told, and what is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Brief:
    """What is known of one piece of advice, figures only. `names` are placeholders such as `model`: who finds the words
    writes `{model}`, and never learns the name.

    `title` and `body` are words that would do.
    """

    kind: str
    names: tuple[str, ...]
    title: str
    body: str
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    body: str


class Wording(Protocol):
    """Finds words for advice."""

    async def word(self, briefs: Sequence[Brief]) -> list[Words] | None:
        """Words for each brief, in order, within seconds; None when there are no better ones. Never raises."""
        ...
