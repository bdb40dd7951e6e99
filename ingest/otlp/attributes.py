"""Attributes of a span or a resource: what they mean, gathered in one go, and their values as what they have to be."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, TypeAlias

from ingest.otlp.names import KEPT_PREFIX, MEANINGS, NUMBERS, SIDES, Field
from resolvers.events.inputs import TOKENS
from resolvers.events.rejections import Refused, unfit

Value: TypeAlias = str | bool | int | float | list[Any] | dict[str, Any]
LONGEST_NUMBER: Final = 40
LONGEST_NAMES: Final = 4096
PARTS: Final = tuple(SIDES)
MOST_PLANS: Final = 2000
NOT_A_CHARACTER: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(slots=True)
class Found:
    """What attributes say: texts and numbers by meaning, what is kept by its key, counts as they were sent.

    `in_parts` tells that some are parts of messages.
    """

    texts: dict[Field, str]
    numbers: dict[Field, Value]
    kept: dict[str, Value]
    counts: dict[str, Value]
    in_parts: bool

    def count(self, name: Field, most: int = TOKENS) -> int | None:
        """The value as a whole number, which may have come as text. Raises Refused for another one."""
        value = self.numbers.get(name)
        if value is None or (type(value) is int and 0 <= value <= most):
            return value
        number = _number(value)
        if number is None or not number.is_integer() or not 0 <= number <= most:
            raise _unfit(name)
        return int(number)

    def number(self, name: Field) -> float | None:
        """The value as a number, which may have come as text. Raises Refused for another one."""
        value = self.numbers.get(name)
        if value is None or type(value) is float:
            return value
        number = _number(value)
        if number is None:
            raise _unfit(name)
        return number


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be read of attributes with certain names: for each one its meaning, texts before numbers."""

    read: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    texts: tuple[Field, ...]
    numbers: tuple[Field, ...]
    kept: tuple[tuple[str, int], ...]
    counts: tuple[tuple[str, int], ...]
    in_parts: bool


def gather(attributes: Mapping[str, Any], value_of: Callable[[Any], Value | None]) -> Found:
    """What attributes say. `value_of` reads a value as the encoding has it; values without a meaning stay unread."""
    names = tuple(attributes)
    plan = _plans.get(names) or _plan(names)
    values: list[Any] = [*map(value_of, plan.read(attributes))]
    return Found(
        {
            field: value if type(value) is str else _text(value)
            for field, value in zip(plan.texts, values, strict=False)
            if value is not None and value != ""
        },
        {
            field: value
            for field, value in zip(plan.numbers, values[len(plan.texts) :], strict=False)
            if value is not None and value != ""
        },
        {name: values[place] for name, place in plan.kept if values[place] is not None},
        {name: values[place] for name, place in plan.counts if values[place] is not None},
        plan.in_parts,
    )


_plans: Final[dict[tuple[str, ...], Plan]] = {}
"""Spans of one instrumentation have the same names: what they mean is found once."""


def _plan(names: tuple[str, ...]) -> Plan:
    meanings = {name: MEANINGS[name] for name in names if name in MEANINGS}
    best: dict[Field, str] = {}
    for name, meaning in sorted(meanings.items(), key=lambda item: item[1].rank):
        if meaning.field is not None:
            best.setdefault(meaning.field, name)
    texts = [field for field in best if field not in NUMBERS]
    numbers = [field for field in best if field in NUMBERS]
    own = [name for name in names if name.startswith(KEPT_PREFIX)]
    order = [best[field] for field in (*texts, *numbers)]
    order += [name for name in (*meanings, *own) if name not in order]
    kept = [name for name, meaning in meanings.items() if meaning.kept]
    plan = Plan(
        _reader(order),
        tuple(texts),
        tuple(numbers),
        tuple((name.removeprefix(KEPT_PREFIX), order.index(name)) for name in (*kept, *own)),
        tuple((name, order.index(name)) for name, meaning in meanings.items() if meaning.is_count),
        any(name.startswith(PARTS) for name in names),
    )
    if sum(map(len, names)) <= LONGEST_NAMES:
        if len(_plans) >= MOST_PLANS:
            _plans.clear()
        _plans[names] = plan
    return plan


def _reader(names: list[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda attributes: tuple(attributes[name] for name in names)


def clean(text: str) -> str:
    """The text without what no database takes."""
    return text.replace("\0", NOT_A_CHARACTER) if "\0" in text else text


def _unfit(name: Field) -> Refused:
    """The refusal by the name of the event's field, which stands before any comma."""
    return unfit(name.partition(",")[0])


def _text(value: Value) -> str:
    """A list of one is that one; messages that come as lists and maps become JSON, as which others send them."""
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list | dict):
        return _text(value[0])
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Value) -> float | None:
    """The finite number that is meant."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else ""
    if isinstance(value, bool | dict) or (isinstance(value, str) and len(value) > LONGEST_NUMBER):
        return None
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return number if math.isfinite(number) else None
