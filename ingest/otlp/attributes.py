"""What attributes say: their values as what they have to be."""

import json
import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from ingest.otlp.names import CONTENT, KEPT_PREFIX, MEANINGS, NUMBERS, Field
from resolvers.events.inputs import TOKENS
from resolvers.events.rejections import unfit

Value: TypeAlias = str | bool | int | float | list[Any] | dict[str, Any]
LONGEST_NUMBER: Final = 40
NOT_A_CHARACTER: Final = "\N{REPLACEMENT CHARACTER}"


class Said(NamedTuple):
    """What attributes say of each Field that is no count of tokens: by its name, None for nothing.

    Texts are whole and not empty, numbers are as they were sent, `sent` and `received` as the encoding has them.
    """

    subject: str | None
    session: str | None
    environment: str | None
    cache: str | None
    operation: str | None
    kind: str | None
    step: str | None
    provider: str | None
    model: str | None
    requested_model: str | None
    parameters: str | None
    cost: Value | None
    tier: str | None
    first_seconds: Value | None
    first_milliseconds: Value | None
    stream: str | None
    finish: Value | None
    error: str | None
    sent: Any
    received: Any
    method: str | None
    original_method: str | None
    route: str | None
    path: str | None
    status: Value | None
    request_bytes: Value | None
    response_bytes: Value | None


def read_as(name: str, value: Any, value_of: Callable[[Any], Value | None]) -> Any:
    """The value of an attribute as its name asks for it. What has no meaning, and content, stays as it is encoded."""
    meaning = MEANINGS.get(name)
    if meaning is None:
        return value_of(value) if name.startswith(KEPT_PREFIX) else value
    if meaning.field in CONTENT:
        return value
    found = value_of(value)
    if found is None or found == "":
        return None
    if type(found) is str or meaning.field is None or meaning.field in NUMBERS or meaning.field is Field.FINISH:
        return found  # why an answer finished is a list, and is kept as one
    return _text(found)


def clean(text: str) -> str:
    """The text without what no database takes."""
    return text.replace("\0", NOT_A_CHARACTER) if "\0" in text else text


def count(name: str, value: Value | None, most: int = TOKENS) -> int | None:
    """The value as a whole number, which may have come as text. Raises Refused, naming the field, for another one."""
    if value is None or (type(value) is int and 0 <= value <= most):
        return value
    found = _number(value)
    if found is None or not found.is_integer() or not 0 <= found <= most:
        raise unfit(name)
    return int(found)


def number(name: str, value: Value | None) -> float | None:
    """The value as a number, which may have come as text. Raises Refused, naming the field, for another one."""
    if value is None or (type(value) is float and math.isfinite(value)):
        return value
    found = _number(value)
    if found is None:
        raise unfit(name)
    return found


def _text(value: Value) -> str | None:
    """A list of one is that one; longer ones and maps become JSON. None for an empty one."""
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list | dict):
        return _text(value[0])
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False) if value else None
    return (str(value).lower() if isinstance(value, bool) else str(value)) or None


def _number(value: Value) -> float | None:
    """The finite number that is meant."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else ""
    if isinstance(value, bool | dict) or (isinstance(value, str) and len(value) > LONGEST_NUMBER):
        return None
    try:
        found = float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if math.isfinite(found) else None
