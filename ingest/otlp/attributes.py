"""Attributes of a span or a resource: what they mean, gathered in one go, and their values as what they have to be."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ingest.otlp.names import KEPT_PREFIX, MEANINGS, NUMBERS, Field
from resolvers.events.inputs import TOKENS
from resolvers.events.rejections import unfit

Value: TypeAlias = str | bool | int | float | list[Any]
LONGEST_NUMBER: Final = 40
NOT_A_CHARACTER: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(slots=True)
class Found:
    """What attributes say: texts and numbers by meaning, what is kept by its key, counts as they were sent."""

    texts: dict[Field, str] = field(default_factory=dict)
    numbers: dict[Field, Value] = field(default_factory=dict)
    kept: dict[str, Value] = field(default_factory=dict)
    counts: dict[str, Value] = field(default_factory=dict)

    def count(self, name: Field, most: int = TOKENS) -> int | None:
        """The value as a whole number, which may have come as text. Raises Refused for another one."""
        value = self.numbers.get(name)
        if value is None or (type(value) is int and 0 <= value <= most):
            return value
        number = _number(value)
        if number is None or not number.is_integer() or not 0 <= number <= most:
            raise unfit(name)
        return int(number)

    def number(self, name: Field) -> float | None:
        """The value as a number, which may have come as text. Raises Refused for another one."""
        value = self.numbers.get(name)
        if value is None or type(value) is float:
            return value
        number = _number(value)
        if number is None:
            raise unfit(name)
        return number


def gather(attributes: Mapping[str, Any], value_of: Callable[[Any], Value | None]) -> Found:
    """What attributes say. `value_of` reads a value as the encoding has it; values without a meaning stay unread."""
    texts: dict[Field, str] = {}
    numbers: dict[Field, Value] = {}
    kept: dict[str, Value] = {}
    counts: dict[str, Value] = {}
    ranks: dict[Field, int] = {}
    for key in attributes:
        meaning = MEANINGS.get(key)
        if meaning is None:
            if key.startswith(KEPT_PREFIX) and (value := value_of(attributes[key])) is not None:
                kept[key.removeprefix(KEPT_PREFIX)] = value
            continue
        value = value_of(attributes[key])
        if value is None or value == "":
            continue
        name, rank, is_kept, is_count = meaning
        if is_kept:
            kept[key] = value
        if is_count:
            counts[key] = value
        if name is None or ranks.setdefault(name, rank) < rank:
            continue
        ranks[name] = rank
        if name in NUMBERS:
            numbers[name] = value
        else:
            texts[name] = value if type(value) is str else _text(value)
    return Found(texts, numbers, kept, counts)


def clean(text: str) -> str:
    """The text without what no database takes."""
    return text.replace("\0", NOT_A_CHARACTER) if "\0" in text else text


def _text(value: Value) -> str:
    if isinstance(value, list):
        return str(value[0]) if value else ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Value) -> float | None:
    """The finite number that is meant."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else ""
    if isinstance(value, bool) or (isinstance(value, str) and len(value) > LONGEST_NUMBER):
        return None
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return number if math.isfinite(number) else None
