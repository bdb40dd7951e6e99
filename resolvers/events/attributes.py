"""`attributes` and `rawUsage`: any JSON, within bounds that keep it storable and readable everywhere."""

import math
from typing import Any, Final

import msgspec

from resolvers.events.rejections import Refused, unfit

VALUE_BYTES: Final = 1024
DEPTH: Final = 16
LARGEST_INTEGER: Final = 2**63 - 1
PLAIN: Final = frozenset({str, bool, type(None)})
NUL_ESCAPED: Final = b"\\u0000"

_encode = msgspec.json.Encoder().encode


def attributes_json(attributes: dict[str, Any] | None) -> str:
    """The attributes as JSON text. Raises Refused for what no database, or no reader, could take."""
    if not attributes:
        return "{}"
    for value in attributes.values():
        if type(value) not in PLAIN:
            _check("attributes", value, DEPTH)
    text = _encoded("attributes", attributes)
    if len(text) > VALUE_BYTES:
        for key, value in attributes.items():
            if (size := len(_encode(value))) > VALUE_BYTES:
                raise Refused(
                    "attributes", f"`{key}` in `attributes` takes {size} bytes: a value has at most {VALUE_BYTES}."
                )
    return text.decode()


def json_text(name: str, value: dict[str, Any], most_bytes: int) -> str:
    """An object as JSON text. Raises Refused for one that is too large, or that no database or reader could take."""
    for item in value.values():
        if type(item) not in PLAIN and not (type(item) is int and 0 <= item <= LARGEST_INTEGER):
            _check(name, item, DEPTH)
    text = _encoded(name, value)
    if len(text) > most_bytes:
        raise Refused(name, f"`{name}` takes {len(text)} bytes as JSON: it has at most {most_bytes}.")
    return text.decode()


def _encoded(name: str, value: dict[str, Any]) -> bytes:
    try:
        text = _encode(value)
    except UnicodeEncodeError as error:
        raise Refused(name, f"`{name}` holds half a surrogate pair: send whole characters.") from error
    if NUL_ESCAPED in text and _has_nul(value):
        raise Refused(name, f"`{name}` holds a NUL character (\\u0000): remove it.")
    return text


def _check(name: str, value: Any, depth: int) -> None:
    """Raises Refused for a value that is not JSON that everybody can read, or nested deeper than `depth` levels."""
    kind = type(value)
    if kind is float:
        fits = math.isfinite(value)
    elif kind is int:
        fits = -LARGEST_INTEGER <= value <= LARGEST_INTEGER
    elif kind is dict or kind is list:
        if depth == 1:
            raise Refused(name, f"`{name}` is nested too deeply: at most {DEPTH} levels.")
        fits = kind is list or all(isinstance(key, str) for key in value)
        for item in value if kind is list else value.values():
            _check(name, item, depth - 1)
    else:
        fits = kind in PLAIN
    if not fits:
        raise unfit(name)


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)
