"""Stream cursors: a place in a project's log as text that clients carry around without reading it."""

import base64
import re

_PLACE = re.compile(rb"([0-9]{1,10}):([0-9]{1,18})", re.ASCII)
_MAX_LENGTH = 64


class BadCursor(ValueError):  # noqa: N818 — a refusal, like those of resolvers.errors
    """Not a cursor of this project. The message is written for the client."""

    def __init__(self, message: str = "This is not a cursor of this project.") -> None:
        super().__init__(message)


def encode_cursor(project_id: int, seq: int) -> str:
    """The cursor of a fact, or of a place behind it: what follows has a greater `seq`."""
    return base64.urlsafe_b64encode(f"{project_id}:{seq}".encode()).decode().rstrip("=")


def decode_cursor(text: str, *, project_id: int) -> int:
    """The `seq` in a cursor. Raises BadCursor for garbage and for cursors of other projects.

    Whether the log has come that far is seen where it is read: `replay.check_place`.
    """
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise BadCursor from None
    place = _PLACE.fullmatch(raw) if len(text) <= _MAX_LENGTH else None
    if place is None or int(place[1]) != project_id or encode_cursor(project_id, int(place[2])) != text:
        raise BadCursor
    return int(place[2])
