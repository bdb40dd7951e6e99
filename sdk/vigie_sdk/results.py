"""What a tracked request answers: an object, a stream, or a response that its caller reads."""

import inspect
import json
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from vigie_sdk.asking import Asked
from vigie_sdk.calls import Call
from vigie_sdk.quiet import quietly
from vigie_sdk.streams import Watcher


def watch(answer: Any, asked: Asked) -> None:
    """Takes what the answer says, or watches it until it is read."""
    call = asked.call
    if hasattr(answer, "_iterator"):
        Watcher(call, hide_usage=asked.hide_usage).watch(answer)
    elif not hasattr(answer, "http_response"):
        call.answer(answer)
        call.end()
    elif asked.streamed:
        _watch_when_parsed(answer, asked)
        if not answer.http_response.is_closed:
            _watch_body(answer.http_response, call)
    elif answer.http_response.is_closed:  # `with_raw_response`; it remembers what it parsed
        call.answer(answer.parse())
        call.end()
    else:
        _watch_body(answer.http_response, call)


def _watch_when_parsed(answer: Any, asked: Asked) -> None:
    parse = answer.parse
    watched: list[object] = []

    def watch_once(parsed: Any) -> Any:
        if parsed not in watched and hasattr(parsed, "_iterator"):
            watched.append(parsed)
            quietly(Watcher(asked.call, hide_usage=asked.hide_usage).watch, parsed)
        return parsed

    async def parse_async(**named: Any) -> Any:
        return watch_once(await parse(**named))

    answer.parse = parse_async if inspect.iscoroutinefunction(parse) else lambda **named: watch_once(parse(**named))


def _watch_body(response: Any, call: Call) -> None:
    """Watches the bytes of a response: however they are read, they are read by `iter_raw`, and `close` is the end."""
    body = _Body(response, call)
    response.iter_raw, response.close = body.iter_raw(response.iter_raw), body.closing(response.close)
    response.aiter_raw, response.aclose = body.aiter_raw(response.aiter_raw), body.closing_async(response.aclose)
    weakref.finalize(response, quietly, call.leave)


class _Body:
    """How far a body was read."""

    def __init__(self, response: Any, call: Call) -> None:
        self._response = weakref.ref(response)
        self._call = call
        self._reading = False
        self._complete = False

    def iter_raw(self, read: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
        def iter_raw(*arguments: Any, **named: Any) -> Iterator[bytes]:
            chunks = read(*arguments, **named)
            while True:
                self._reading = True
                try:
                    chunk = next(chunks)
                except StopIteration:
                    self._complete = True
                    return
                finally:
                    self._reading = False
                yield chunk

        return iter_raw

    def aiter_raw(self, read: Callable[..., AsyncIterator[bytes]]) -> Callable[..., AsyncIterator[bytes]]:
        async def aiter_raw(*arguments: Any, **named: Any) -> AsyncIterator[bytes]:
            chunks = read(*arguments, **named)
            while True:
                self._reading = True
                try:
                    chunk = await anext(chunks)
                except StopAsyncIteration:
                    self._complete = True
                    return
                finally:
                    self._reading = False
                yield chunk

        return aiter_raw

    def closing(self, close: Callable[[], None]) -> Callable[[], None]:
        def closing() -> None:
            close()
            quietly(self._closed)

        return closing

    def closing_async(self, close: Callable[[], Any]) -> Callable[[], Any]:
        async def closing() -> None:
            await close()
            quietly(self._closed)

        return closing

    def _closed(self) -> None:
        if self._reading:
            return  # by the reader itself, at the end of the bytes: what they say is not known yet
        response = self._response()
        content = getattr(response, "_content", None)
        if content:
            self._call.answer(json.loads(content))
        if self._complete:
            self._call.end()
        else:
            self._call.leave()
