"""Spans of what the process does, for whoever collects traces. Without one they cost nothing and import nothing."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol


class Tracer(Protocol):
    """What starts spans: that of OpenTelemetry."""

    def start_as_current_span(self, name: str, *, attributes: Any = None) -> AbstractContextManager[Any]:
        """A span from here to the end of the block."""


class _Tracing:
    tracer: Tracer | None = None


def trace_with(tracer: Tracer | None) -> None:
    """Sends spans there from now on; None: nowhere."""
    _Tracing.tracer = tracer


def span(name: str, **attributes: str | int) -> AbstractContextManager[Any]:
    """A span around a block, below that of the request it is part of."""
    if _Tracing.tracer is None:
        return nullcontext()
    return _Tracing.tracer.start_as_current_span(name, attributes=attributes)
