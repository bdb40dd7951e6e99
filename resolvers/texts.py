"""Texts and JSON that people and programs send, checked for what a database can hold and a reader can bear."""

import re
from typing import Any, Final

import orjson

from resolvers.errors import Invalid

_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def check_text(text: str, *, field: str, most: int) -> str:
    """The text without blanks around it. Raises Invalid for an empty one, a long one, and what no database takes."""
    stripped = text.strip()
    if not 1 <= len(stripped) <= most:
        raise Invalid(f"`{field}` has 1 to {most:,} characters.", field=field)
    if "\0" in stripped:
        raise Invalid(f"`{field}` holds a NUL character (\\u0000): remove it.", field=field)
    try:
        stripped.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"`{field}` holds half a surrogate pair: send whole characters.", field=field) from error
    return stripped


def check_optional_text(text: str | None, *, field: str, most: int) -> str | None:
    """The same of a text that may be missing; a blank one is none."""
    return None if text is None or not text.strip() else check_text(text, field=field, most=most)


def check_json(value: Any, *, field: str, most_kib: int) -> Any:
    """The JSON as it is. Raises Invalid for what is long as text, and for what no database takes."""
    try:
        text = orjson.dumps(value)
    except TypeError as error:
        raise Invalid(f"`{field}` has whole characters, and integers of at most 64 bits.", field=field) from error
    if len(text) > most_kib * 1024:
        raise Invalid(f"`{field}` has at most {most_kib} KiB of JSON.", field=field)
    if _NUL.search(text):
        raise Invalid(f"`{field}` holds a NUL character (\\u0000): remove it.", field=field)
    return value
