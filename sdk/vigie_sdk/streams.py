"""Streams that are watched while they are read. What their reader sees is as without a watcher.

A stream ends for one of four reasons: it was read to its end, reading failed, its reader closed it, or forgot it.
"""

import asyncio
import copy
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from vigie_sdk.calls import Call
from vigie_sdk.quiet import quietly
from vigie_sdk.usage import get


class Watcher:
    """Watches the stream of a call. `hide_usage`: its reader did not ask for the chunk that tells of usage."""

    def __init__(self, call: Call, *, hide_usage: bool) -> None:
        self._call = call
        self._hide_usage = hide_usage
        self._reader: object = None

    def watch(self, stream: Any) -> None:
        """Watches a stream from now on."""
        response = stream.response
        # Chunks are read for a copy: a generator of the stream's own would keep it, and hide that it was forgotten.
        reader = copy.copy(stream)
        reader._iterator = None  # noqa: SLF001 — a stream has no other place for it
        chunks = reader.__stream__()
        if hasattr(stream, "__anext__"):
            stream._iterator = self._read_async(chunks)  # noqa: SLF001
            response.aclose = self._closing_async(response.aclose)
        else:
            stream._iterator = self._read(chunks)  # noqa: SLF001
            response.close = self._closing(response.close)
        weakref.finalize(stream, quietly, self._call.leave)

    def _read(self, chunks: Iterator[Any]) -> Iterator[Any]:
        call = self._call
        try:
            while True:
                self._reader = threading.get_ident()
                try:
                    chunk = next(chunks)
                except StopIteration:
                    break
                finally:
                    self._reader = None
                if self._shown(chunk):
                    yield chunk
        except BaseException as error:
            quietly(call.fail, error)
            raise
        quietly(call.end)

    async def _read_async(self, chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
        call = self._call
        try:
            while True:
                self._reader = _task()
                try:
                    chunk = await anext(chunks)
                except StopAsyncIteration:
                    break
                finally:
                    self._reader = None
                if self._shown(chunk):
                    yield chunk
        except BaseException as error:
            quietly(call.fail, error)
            raise
        quietly(call.end)

    def _shown(self, chunk: Any) -> bool:
        quietly(self._call.chunk, chunk)
        if not self._hide_usage:
            return True
        if get(chunk, "usage") is None:
            getattr(chunk, "model_fields_set", set()).discard("usage")  # `null` came with each chunk, since we asked
            return True
        return bool(get(chunk, "choices"))

    def _closing(self, close: Callable[[], None]) -> Callable[[], None]:
        def closing() -> None:
            # The stream closes its response itself when it has ended; anybody else leaves before.
            if self._reader != threading.get_ident():
                quietly(self._call.leave)
            close()

        return closing

    def _closing_async(self, close: Callable[[], Any]) -> Callable[[], Any]:
        async def closing() -> None:
            if self._reader is None or self._reader is not _task():
                quietly(self._call.leave)
            await close()

        return closing


def _task() -> object:
    try:
        return asyncio.current_task() or Watcher
    except RuntimeError:  # another library's event loop
        return Watcher
