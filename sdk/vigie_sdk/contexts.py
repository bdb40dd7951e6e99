"""For whom and for what calls are made: said for a client by `track`, and for a stretch of the program by `context`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Labels:
    """What every call made under it carries."""

    subject: str | None = None
    session_id: str | None = None
    trace_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def over(self, other: "Labels") -> "Labels":
        """These labels, and those of `other` where these say nothing."""
        return Labels(
            self.subject or other.subject,
            self.session_id or other.session_id,
            self.trace_id or other.trace_id,
            {**other.attributes, **self.attributes} if other.attributes else self.attributes,
        )


NONE: Final = Labels()
_current: ContextVar[Labels] = ContextVar("vigie_sdk_labels", default=NONE)


def labels_of(
    subject: object = None,
    session_id: object = None,
    trace_id: object = None,
    attributes: Mapping[str, Any] | None = None,
) -> Labels:
    """Labels of whatever a program has: numbers and ids become text."""
    subject, session_id, trace_id = (None if value is None else str(value) for value in (subject, session_id, trace_id))
    return Labels(subject, session_id, trace_id, dict(attributes or {}))


def current() -> Labels:
    """The labels of this place in the program."""
    return _current.get()


@contextmanager
def context(
    subject: object = None, *, session_id: object = None, trace_id: object = None, **attributes: Any
) -> Iterator[None]:
    """Labels the calls that are made inside, in this thread or task; any other name becomes an attribute.

        with context(subject=user.id, session_id=chat.id, feature="summary"): ...

    It nests: what the inner one does not say is as outside. It is a decorator, too.
    """
    token = _current.set(labels_of(subject, session_id, trace_id, attributes).over(_current.get()))
    try:
        yield
    finally:
        _current.reset(token)
