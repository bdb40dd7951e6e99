"""What the domain refuses, as exceptions that say why.

    Refusal             .code .message .field
    ├── Invalid         the request itself is wrong
    ├── NotFound        it names something that is not there, or not for this key
    ├── Conflict        it was right against an older state; `.current` is the object as it is now
    ├── LimitReached    a quota or a cap stands in the way
    └── Unavailable     it would be answered, but not now

The edges turn a refusal into an answer: in a mutation a `userErrors` item, in a query a top-level error, in
`POST /v1/events` a problem document. Any other exception is a fault of ours and its text never leaves the process.
"""

from typing import ClassVar


class Refusal(Exception):  # noqa: N818 — a refusal is an answer, not an error
    """The domain says no.

    `message` is shown to the client as it stands. `field` is the dotted path of the culprit inside the input as the
    client wrote it (`tokens.input`, `recommendations.3.kind`), or None when the whole request is meant.
    """

    code: ClassVar[str] = "INVALID"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(Refusal):
    """The request itself is wrong and stays wrong when it is sent again."""

    code = "INVALID"


class NotFound(Refusal):
    """It names something that does not exist, or that this project does not own (the two look alike on purpose)."""

    code = "NOT_FOUND"


class Conflict(Refusal):
    """The object has changed since the client read it; `current` is how it is now, for the payload."""

    code = "CONFLICT"

    def __init__(self, message: str, *, field: str | None = None, current: object = None) -> None:
        super().__init__(message, field=field)
        self.current = current


class LimitReached(Refusal):
    """A quota, a cap or a rate stands in the way."""

    code = "LIMIT_REACHED"


class Unavailable(Refusal):
    """It would be answered, but not now: try again after `retry_after` seconds (None when nobody can say)."""

    code = "UNAVAILABLE"

    def __init__(self, message: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, field=field)
        self.retry_after = retry_after
