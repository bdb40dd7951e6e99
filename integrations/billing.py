"""What a provider billed, day by day and model by model."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

NO_MODEL: Final = ""
_SNAPSHOT: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class BillingFailed(Exception):  # noqa: N818 — a state of affairs
    """The provider's bill cannot be had. The message is for people, and holds nothing of the key."""


@dataclass(slots=True)
class Billed:
    """What was billed for one UTC day and one model; `discounted` requests were not billed at the standard price.

    `model` has no date of a snapshot; it is empty for what is no call of a model.
    """

    day: dt.datetime
    model: str
    picousd: int = 0
    requests: int = 0
    discounted: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


class Billing(Protocol):
    """A provider's bill."""

    async def billed(
        self, *, key: str, start: dt.datetime, end: dt.datetime, projects: Sequence[str]
    ) -> Sequence[Billed]:
        """What was billed for the UTC days of [start, end), for those of the provider's projects, or for all.

        Raises BillingFailed.
        """
        ...


def family(model: str) -> str:
    """A model without the date of its snapshot: providers bill `gpt-4o-2024-08-06`, callers ask for `gpt-4o`."""
    return _SNAPSHOT.sub("", model.strip().lower())
