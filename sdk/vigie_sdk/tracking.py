"""`track`: an `openai` client that records its calls.

Whatever a client does, its method `request` sends: that is where a tracked client differs from others, in nothing else.
So plain calls, streams, `parse`, stream helpers and raw responses are recorded alike.
"""

import copy
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from vigie_sdk import contexts
from vigie_sdk.asking import Asking
from vigie_sdk.calls import Call, Request
from vigie_sdk.contexts import Labels, labels_of
from vigie_sdk.defaults import default
from vigie_sdk.events import Event, Sink
from vigie_sdk.providers import provider_of
from vigie_sdk.quiet import quietly, say_once
from vigie_sdk.results import watch

C = TypeVar("C")

OPERATIONS: Final = {
    "/chat/completions": "chat",
    "/responses": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
}


def track(
    client: C,
    *,
    subject: object = None,
    session_id: object = None,
    attributes: Mapping[str, Any] | None = None,
    provider: str | None = None,
    vigie: Sink | None = None,
) -> C:
    """A client like this one (`OpenAI`, `AsyncOpenAI`, Azure's) whose calls are recorded, and those of its copies.

    `subject`, `session_id` and `attributes` are those of every call, where `context` says nothing else; `provider` is
    told by the client's address otherwise. Events go to `vigie`, by default to that of `configure` or the environment.
    The client that is given stays as it is. Never raises: another object comes back as it came.
    """
    if not any(kind.__module__.partition(".")[0] == "openai" for kind in type(client).__mro__):
        say_once("track() takes clients of the package openai, not %s", type(client).__name__)
        return client
    tracker = Tracker(labels_of(subject, session_id, None, attributes), provider or provider_of(client), vigie)
    return quietly(_tracked, client, tracker) or client


class Tracker:
    """What the calls of one client have in common."""

    def __init__(self, labels: Labels, provider: str, vigie: Sink | None) -> None:
        self._labels = labels
        self._provider = provider
        self._vigie = vigie
        self.asking = Asking()

    def begin(self, path: str, body: Mapping[str, Any]) -> Call | None:
        """The call that such a request begins; None when it is none of a model."""
        if (operation := OPERATIONS.get(path)) is None:
            return None
        labels = contexts.current().over(self._labels)
        return Call(Request(operation, self._provider, body, labels), self._record)

    def _record(self, event: Event) -> None:
        (default() if self._vigie is None else self._vigie).record(event)


def _tracked(client: C, tracker: Tracker) -> C:
    """A copy of the client with methods of its own; it shares the connections."""
    tracked = copy.copy(client)
    own = vars(tracked)
    for name in list(own):
        if isinstance(inspect.getattr_static(type(client), name, None), functools.cached_property):
            del own[name]  # they send by the client that they were made for
    for name in ("request", "copy", "with_options"):
        own.pop(name, None)
    send: Any = type(client).request.__get__(tracked)  # type: ignore[attr-defined]
    own["request"] = _sending_async(send, tracker) if inspect.iscoroutinefunction(send) else _sending(send, tracker)
    own["copy"] = own["with_options"] = _copying(tracked, tracker)
    return tracked


def _copying(tracked: Any, tracker: Tracker) -> Callable[..., Any]:
    make = type(tracked).copy.__get__(tracked)

    @functools.wraps(make)
    def copying(*arguments: Any, **named: Any) -> Any:
        made = make(*arguments, **named)
        return quietly(_tracked, made, tracker) or made

    return copying


def _sending(send: Callable[..., Any], tracker: Tracker) -> Callable[..., Any]:
    @functools.wraps(send)
    def request(*arguments: Any, **named: Any) -> Any:
        asked = quietly(tracker.asking.of, tracker, arguments, named)
        if asked is None:
            return send(*arguments, **named)
        try:
            try:
                answer = send(*arguments, **named)
            except Exception as error:
                if not asked.was_too_much(error):
                    raise
                answer = send(*arguments, **named)
        except BaseException as error:
            quietly(asked.call.fail, error)
            raise
        quietly(watch, answer, asked)
        return answer

    return request


def _sending_async(send: Callable[..., Awaitable[Any]], tracker: Tracker) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(send)
    async def request(*arguments: Any, **named: Any) -> Any:
        asked = quietly(tracker.asking.of, tracker, arguments, named)
        if asked is None:
            return await send(*arguments, **named)
        try:
            try:
                answer = await send(*arguments, **named)
            except Exception as error:
                if not asked.was_too_much(error):
                    raise
                answer = await send(*arguments, **named)
        except BaseException as error:
            quietly(asked.call.fail, error)
            raise
        quietly(watch, answer, asked)
        return answer

    return request
