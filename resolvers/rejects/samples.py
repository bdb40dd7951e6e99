"""Samples of refused events: enough to recognise the sender's mistake by, without what events may not tell."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from resolvers.contents.masking import Masking
from resolvers.events.inputs import ApiCallInput, Tokens, UsageEventInput

MOST_BYTES: Final = 1024
MOST_TEXT: Final = 100
MOST_MEMBERS: Final = 40
HIDDEN: Final = "***"

_FIELDS: Final = frozenset(UsageEventInput.__struct_encode_fields__) | frozenset(ApiCallInput.__struct_encode_fields__)
_MEMBERS: Final[Mapping[str, frozenset[str] | None]] = {
    "tokens": frozenset(Tokens.__struct_encode_fields__),
    "error": frozenset({"type", "message"}),
    "attributes": None,
    "rawUsage": None,
}
"""Which members of an object are shown; None: all."""
_LETTER: Final = re.compile(r"[^\W\d_]")
_DIGIT: Final = re.compile(r"\d")


def sample_of(sent: Any, masking: Masking) -> str | None:
    """At most 1 KiB of an event as it was sent, masked: bytes of JSON, an object, or an input; None for nothing.

    Content is left out, and so is the value of every field that events do not have. Of what is not JSON only the shape
    is shown: each letter as x, each digit as 0.
    """
    if sent is None:
        return None
    if isinstance(sent, msgspec.Struct):
        sent = {"type": sent.__struct_config__.tag, **msgspec.to_builtins(sent)}
    if isinstance(sent, bytes | msgspec.Raw):
        raw = bytes(memoryview(sent))
        try:
            sent = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _cut(_shape(raw[:MOST_BYTES].decode(errors="replace")))
    shown = _event(sent, masking) if isinstance(sent, dict) else f"({type(sent).__name__})"
    return _cut(msgspec.json.encode(shown).decode())


def _event(sent: dict[Any, Any], masking: Masking) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in list(sent.items())[:MOST_MEMBERS]:
        name = masking.text(str(name))[:MOST_TEXT]
        if name not in _FIELDS and name != "type":
            shown[name] = HIDDEN
        elif name in _MEMBERS and isinstance(value, dict):
            shown[name] = _members(value, _MEMBERS[name], masking)
        elif value is not None:
            shown[name] = HIDDEN if name == "content" else _plain(value, masking)
    return shown


def _members(value: dict[Any, Any], wanted: frozenset[str] | None, masking: Masking) -> dict[str, Any]:
    members = [(str(key), item) for key, item in value.items() if item is not None]
    return {
        masking.text(key)[:MOST_TEXT]: _plain(item, masking) if wanted is None or key in wanted else HIDDEN
        for key, item in members[:MOST_MEMBERS]
    }


def _plain(value: Any, masking: Masking) -> Any:
    """A text, number or boolean, masked and cut; of anything else what it is."""
    if isinstance(value, str):
        return masking.text(value[: MOST_BYTES * 4])[:MOST_TEXT]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return masking.text(str(value)[:MOST_TEXT]) if abs(value) >= 2**53 else masking.json(value)
    return f"({type(value).__name__})"


def _shape(text: str) -> str:
    return _DIGIT.sub("0", _LETTER.sub("x", text))


def _cut(text: str) -> str:
    return text.replace("\0", "").encode(errors="replace")[:MOST_BYTES].decode(errors="ignore")
