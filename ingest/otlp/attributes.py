"""Attributes of a span or a resource: what they mean, gathered in one go, and their values as what they have to be."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from ingest.otlp.names import KEPT_PREFIX, MEANINGS, Field
from resolvers.events.inputs import TOKENS
from resolvers.events.rejections import unfit

Value: TypeAlias = str | bool | int | float | list[Any]
LONGEST_NUMBER: Final = 40


class Attribute(Protocol):
    """A name and a value as the wire has it."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> Any: ...


@dataclass(slots=True)
class Found:
    """What attributes say: the best value for each meaning, what is kept by its key, and counts as they were sent."""

    values: dict[Field, Value] = field(default_factory=dict)
    kept: dict[str, Value] = field(default_factory=dict)
    counts: dict[str, Value] = field(default_factory=dict)

    def text(self, name: Field) -> str | None:
        """The value as text; None for nothing, an empty one included."""
        value = self.values.get(name)
        if type(value) is str or value is None:
            return value or None
        if isinstance(value, list):
            return str(value[0]) if value else None
        return str(value).lower() if isinstance(value, bool) else str(value)

    def count(self, name: Field, most: int = TOKENS) -> int | None:
        """The value as a whole number, which may have come as text. Raises Refused for another one."""
        value = self.values.get(name)
        if type(value) is int and 0 <= value <= most:
            return value
        if value is None:
            return None
        number = _number(value)
        if number is None or not number.is_integer() or not 0 <= number <= most:
            raise unfit(name)
        return int(number)

    def number(self, name: Field) -> float | None:
        """The value as a number, which may have come as text. Raises Refused for another one."""
        value = self.values.get(name)
        if value is None:
            return None
        number = _number(value)
        if number is None:
            raise unfit(name)
        return number


def gather(attributes: Iterable[Attribute], value_of: Callable[[Any], Value | None]) -> Found:
    """What the attributes say. `value_of` reads a value as the wire has it; values without a meaning stay unread."""
    found = Found()
    values = found.values
    ranks: dict[Field, int] = {}
    for attribute in attributes:
        key = attribute.key
        meaning = MEANINGS.get(key)
        if meaning is None:
            if key.startswith(KEPT_PREFIX) and (value := value_of(attribute.value)) is not None:
                found.kept[key.removeprefix(KEPT_PREFIX)] = value
            continue
        value = value_of(attribute.value)
        if value is None or value == "":
            continue
        name, rank, kept, is_count = meaning
        if kept:
            found.kept[key] = value
        if is_count:
            found.counts[key] = value
        if name is not None and (name not in values or rank < ranks[name]):
            values[name] = value
            ranks[name] = rank
    return found


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
