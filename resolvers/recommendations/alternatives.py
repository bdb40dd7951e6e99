"""Which smaller model can stand in for which: a table that a setting extends."""

import re
from collections.abc import Mapping
from typing import Final

DEFAULTS: Final[Mapping[str, str]] = {
    "claude-3-5-sonnet": "claude-3-5-haiku-latest",
    "claude-3-7-sonnet": "claude-3-5-haiku-latest",
    "claude-3-opus": "claude-3-5-haiku-latest",
    "claude-opus-4": "claude-haiku-4-5",
    "claude-opus-4-1": "claude-haiku-4-5",
    "claude-opus-4-5": "claude-haiku-4-5",
    "claude-opus-4-6": "claude-haiku-4-5",
    "claude-opus-4-7": "claude-haiku-4-5",
    "claude-sonnet-4": "claude-haiku-4-5",
    "claude-sonnet-4-5": "claude-haiku-4-5",
    "claude-sonnet-4-6": "claude-haiku-4-5",
    "command-r-plus": "command-r",
    "deepseek-reasoner": "deepseek-chat",
    "gemini-1.5-pro": "gemini-1.5-flash",
    "gemini-2.5-pro": "gemini-2.5-flash",
    "gemini-3-pro-preview": "gemini-3-flash-preview",
    "gemini-3.1-pro-preview": "gemini-3-flash-preview",
    "gpt-4": "gpt-4o-mini",
    "gpt-4-turbo": "gpt-4o-mini",
    "gpt-4.1": "gpt-4.1-mini",
    "gpt-4.5-preview": "gpt-4.1-mini",
    "gpt-4o": "gpt-4o-mini",
    "gpt-5": "gpt-5-mini",
    "gpt-5-pro": "gpt-5-mini",
    "gpt-5.1": "gpt-5-mini",
    "gpt-5.2": "gpt-5-mini",
    "gpt-5.4": "gpt-5.4-mini",
    "gpt-5.5": "gpt-5.4-mini",
    "grok-3": "grok-3-mini",
    "grok-4": "grok-4-fast",
    "mistral-large": "mistral-small-latest",
    "mistral-large-latest": "mistral-small-latest",
    "mistral-medium": "mistral-small-latest",
    "mistral-medium-latest": "mistral-small-latest",
    "o1": "o4-mini",
    "o1-pro": "o4-mini",
    "o3": "o4-mini",
    "o3-pro": "o4-mini",
}
_VENDOR: Final = re.compile(r"^[a-z0-9-]+/")
_DATED: Final = re.compile(r"(-\d{4}-\d{2}-\d{2}|-\d{8}|-latest|@\d{8})$")
NONE: Final = "none"


class Alternatives:
    """The table: `changes` adds models to the defaults, replaces them, or takes them out (by the word `none`)."""

    def __init__(self, changes: Mapping[str, str] | None = None) -> None:
        table = {**DEFAULTS, **(changes or {})}
        self._table = {model: smaller for model, smaller in table.items() if smaller != NONE}

    def of(self, model: str) -> str | None:
        """The smaller model, also for a dated name (`gpt-4o-2024-08-06`) or one behind its vendor (`openai/gpt-4o`).

        The vendor stays in front of the answer.
        """
        vendor = found[0] if (found := _VENDOR.match(model)) else ""
        name = model.removeprefix(vendor)
        for known in (model, name, _DATED.sub("", name)):
            if known in self._table:
                return self._table[known] if known == model else vendor + self._table[known]
        return None
