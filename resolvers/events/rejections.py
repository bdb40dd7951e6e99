"""Why an event was not taken, in words that name the field, its limit and the remedy."""

import re
from typing import Any, Final

from msgspec import DecodeError, Struct, ValidationError

from resolvers.events import inputs

INVALID: Final = "INVALID"
TIME_OUT_OF_RANGE: Final = "TIME_OUT_OF_RANGE"
LONGEST_FIELD: Final = 200

_MISSING = re.compile(r"Object missing required field `(.*?)`(?: - at `\$\.?(.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$\.?(.*)`)?", re.DOTALL)
_PATH = re.compile(r".* - at `(?:key` in `)?\$\.?(.*?)(?:\[.*)?`", re.DOTALL)


class Rejection(Struct, frozen=True, gc=False):
    """`index` is the event's place in the request, from 0; `field` the dotted path in the event, None for all of it."""

    index: int
    code: str
    field: str | None
    message: str


class Refused(Exception):  # noqa: N818 — an answer, not a fault
    """One event is refused. Becomes a Rejection where its place is known. `sent` is the event, as far as one knows."""

    def __init__(self, field: str | None, message: str, code: str = INVALID) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.code = code
        self.sent: Any = None

    def at(self, index: int) -> Rejection:
        """The rejection of the event at that place."""
        return Rejection(index, self.code, self.field, self.message)


def undecodable(error: DecodeError | UnicodeError | RecursionError) -> Refused:
    """What the decoder found wrong with one event."""
    if isinstance(error, RecursionError):
        return Refused(None, "The event is nested too deeply: flatten it.")
    if isinstance(error, UnicodeEncodeError):
        return Refused(None, "The name of a field holds half a surrogate pair: send whole characters.")
    if not isinstance(error, ValidationError):
        return Refused(None, f"The event is not JSON: {error}.")
    text = str(error)
    if match := _UNKNOWN.fullmatch(text):
        field = _join(match[2], match[1])
        return Refused(field, f"`{field}` is not a field of this event: remove it, or move it into `attributes`.")
    if match := _MISSING.fullmatch(text):
        field = _join(match[2], match[1])
        return Refused(field, f"`{field}` is required: {_rule(field)}.")
    match = _PATH.fullmatch(text)
    if match is None or not match[1]:
        return Refused(None, "An event is a JSON object with a `type`, a `time` and the fields of its type.")
    return unfit(match[1])


def unfit(field: str) -> Refused:
    """The refusal of a field that breaks its rule."""
    return Refused(field, f"`{field}` must be {_rule(field)}.")


def _join(path: str | None, name: str) -> str:
    return (f"{path}.{name}" if path else name)[:LONGEST_FIELD]


def _rule(field: str) -> str:
    return _RULES.get(field, "of another type")


def _text(most: int, *, optional: bool = True) -> str:
    return f"a string of 1 to {most} characters" + ("; leave it out when there is none" if optional else "")


_MILLISECONDS = f"a number of milliseconds from 0 to {inputs.MILLISECONDS}; leave it out when it was not measured"
_BYTES = f"a whole number of bytes from 0 to {inputs.BYTES}; leave it out when it is unknown"
_TOKENS = f"a whole number from 0 to {inputs.TOKENS}"
_KINDS_OF_TOKENS: Final = inputs.Tokens.__struct_encode_fields__
_RULES: Final = {
    "type": "`usage` or `apiCall`",
    "time": "an RFC 3339 time with its offset, such as 2026-11-20T12:00:00Z",
    "id": f"a string of 1 to {inputs.ID} characters; leave it out and the server makes one",
    "provider": _text(inputs.NAME),
    "model": _text(inputs.MODEL, optional=False),
    "operation": _text(inputs.NAME),
    "subject": _text(inputs.SUBJECT),
    "environment": _text(inputs.NAME),
    "traceId": _text(inputs.TRACE),
    "sessionId": _text(inputs.SESSION),
    "status": "`ok`, `error` or `aborted` for usage, a whole number from 100 to 599 for an API call",
    "error": "an object with `type` and, if there is one, `message`",
    "error.type": _text(inputs.ERROR_TYPE, optional=False),
    "error.message": _text(inputs.ERROR_MESSAGE),
    "durationMs": _MILLISECONDS,
    "timeToFirstTokenMs": _MILLISECONDS,
    "serviceTier": _text(inputs.NAME),
    "rawUsage": "the usage object of the provider's answer, without numbers beyond 64 bits",
    "content": "an object with `input` and `output`: text, or JSON",
    "tokens": "an object with any of " + ", ".join(f"`{name}`" for name in _KINDS_OF_TOKENS),
    **{f"tokens.{name}": _TOKENS for name in _KINDS_OF_TOKENS},
    "costUsd": "a number of dollars from 0 to 1000000; leave it out and the server takes the list price",
    "estimated": "true or false",
    "attributes": f"an object of at most {inputs.ATTRIBUTES} keys of at most {inputs.ATTRIBUTE_KEY} characters each, "
    "without numbers beyond 64 bits",
    "method": f"an HTTP method of at most {inputs.METHOD} letters",
    "route": f"a path template of 1 to {inputs.ROUTE} UTF-8 bytes, such as /nodes/{{id}}",
    "requestBytes": _BYTES,
    "responseBytes": _BYTES,
    "cache": "`hit`, `miss` or `none`",
}
