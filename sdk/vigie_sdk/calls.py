"""One call of a model: begun, answered, ended once, and then an event."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vigie_sdk.contexts import Labels
from vigie_sdk.errors import message_of, without_quotes
from vigie_sdk.events import ERROR_MESSAGE, Event
from vigie_sdk.usage import Counter, estimated_input, get, reported

OK: Final = "ok"
ERROR: Final = "error"
ABORTED: Final = "aborted"

FINAL_EVENTS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
LEAVING: Final = (GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError)
"""What ends a call because its caller wants so."""
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: an operation by OpenTelemetry's names, and the body that is sent."""

    operation: str
    provider: str
    body: Mapping[str, Any]
    labels: Labels


class Call:
    """A call from its request to its end. `record` gets the event, once, whoever says first that it has ended."""

    def __init__(self, request: Request, record: Callable[[Event], None]) -> None:
        self._request = request
        self._record = record
        self._time = time.time()
        self._started = time.perf_counter()
        self._first: float | None = None
        self._first_text: float | None = None
        self._model: str | None = None
        self._tier: str | None = None
        self._usage: Any = None
        self._output = Counter(self._requested_model)
        self._answered = False
        self._complete = False
        self._failure: tuple[str, str | None] | None = None
        self._ended = False

    def note(self, answer: Any) -> None:
        """Takes what an answer says of itself, before anybody parses its text."""
        self._answered = True
        self._about(answer)

    def answer(self, answer: Any) -> None:
        """Takes what a call without a stream answered."""
        self.note(answer)
        self._complete = True
        if self._usage is None:
            for choice in get(answer, "choices") or ():
                self._add_message(get(choice, "message") or choice)
            for item in get(answer, "output") or ():
                for part in get(item, "content") or ():
                    self._add(get(part, "text"))
                self._add(get(item, "arguments"))

    def chunk(self, chunk: Any) -> None:
        """Takes a piece of a stream."""
        if self._first is None:
            self._first = time.perf_counter()
            self._answered = True
        kind = get(chunk, "type")
        if kind is None:
            if self._model is None or get(chunk, "usage") is not None:
                self._about(chunk)
            for choice in get(chunk, "choices") or ():
                self._add_message(get(choice, "delta") or choice)
                if get(choice, "finish_reason") is not None:
                    self._complete = True
        elif kind in FINAL_EVENTS:
            self._complete = True
            self._about(get(chunk, "response"))
        elif kind == "error":
            self._failure = (str(get(chunk, "code") or "error"), get(chunk, "message"))
        elif kind.endswith(".delta") and not kind.endswith("audio.delta"):
            self._add(get(chunk, "delta"))
        elif kind in ("response.created", "response.in_progress"):
            self._about(get(chunk, "response"))

    def end(self) -> None:
        """The answer came to its end."""
        if self._failure is not None:
            self._finish(ERROR, *self._failure)
        else:
            self._finish(OK)

    def leave(self) -> None:
        """The caller wants no more of it: aborted, unless all of the text had come."""
        if self._complete or self._failure is not None:
            self.end()
        else:
            self._finish(ABORTED)

    def fail(self, error: BaseException) -> None:
        """The call ended with this exception."""
        if isinstance(error, LEAVING):
            self.leave()
            return
        self._finish(ERROR, type(error).__name__, message_of(error))

    def _about(self, answer: Any) -> None:
        """Takes what an answer says of itself."""
        self._model = get(answer, "model") or self._model
        self._tier = get(answer, "service_tier") or self._tier
        usage = get(answer, "usage")
        if usage is not None:
            self._usage = usage
        error = get(answer, "error")
        if error is not None or get(answer, "status") == "failed":
            self._failure = (str(get(error, "code") or "error"), get(error, "message"))

    def _add_message(self, message: Any) -> None:
        for name in ("content", "text", "refusal", "reasoning_content", "reasoning"):
            self._add(get(message, name))
        for called in get(message, "tool_calls") or ():
            function = get(called, "function")
            self._add(get(function, "name"))
            self._add(get(function, "arguments"))

    def _add(self, text: Any) -> None:
        if isinstance(text, str) and text:
            if self._first_text is None:
                self._first_text = time.perf_counter()
            self._output.add(text)

    @property
    def _requested_model(self) -> str:
        return str(self._request.body.get("model") or UNKNOWN)

    def _finish(self, status: str, kind: str | None = None, message: object = None) -> None:
        if self._ended:
            return
        self._ended = True
        if message:
            message = without_quotes(str(message), self._request.body)[:ERROR_MESSAGE]
        ended = time.perf_counter()
        usage = reported(self._usage)
        # Who refused a request did not count it; whoever began to answer, or was not waited for, did.
        estimated = usage is None and (status != ERROR or self._answered)
        labels = self._request.labels
        first = self._first_text or self._first or ended
        self._record(
            {
                "type": "usage",
                "time": self._time,
                "provider": self._request.provider,
                "model": self._model or self._requested_model,
                "operation": self._request.operation,
                "subject": labels.subject,
                "sessionId": labels.session_id,
                "traceId": labels.trace_id,
                "status": status,
                "error": {"type": kind, "message": message} if kind else None,
                "durationMs": self._milliseconds(ended),
                "timeToFirstTokenMs": None if self._first is None else self._milliseconds(first),
                "rawUsage": usage,
                "tokens": self._estimate() if estimated else None,
                "estimated": True if estimated else None,
                "serviceTier": self._tier,
                "attributes": labels.attributes,
            }
        )

    def _milliseconds(self, until: float) -> float:
        return round((until - self._started) * 1000, 3)

    def _estimate(self) -> dict[str, int]:
        return {
            "input": estimated_input(self._request.body, self._requested_model),
            "output": self._output.tokens,
        }
