"""A name in texts and JSON: found where it stands by itself, and replaced."""

import re
from typing import Any, Final

SHORT: Final = 3
"""Names of fewer characters are replaced only where they are a whole value: in a sentence they may be anything."""


class Replacing:
    """Puts a pseudonym where a name stands."""

    def __init__(self, name: str, pseudonym: str) -> None:
        self.name = name
        self.pseudonym = pseudonym
        self._alone = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")

    def text(self, text: str) -> str:
        """The text with the pseudonym where the name stood as words of its own."""
        if text == self.name:
            return self.pseudonym
        return text if len(self.name) < SHORT else self._alone.sub(self.pseudonym, text)

    def json(self, value: Any) -> Any:
        """The value with every text in it replaced, keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.json(item) for key, item in value.items()}
        return value
