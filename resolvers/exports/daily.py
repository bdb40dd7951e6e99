"""Sums by local day and a dimension as CSV, from the roll-ups: small enough to be made whole, in one snapshot."""

import asyncio
import datetime as dt
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

from models import ReadSession
from resolvers.exports.cells import guarded, lines
from resolvers.exports.columns import dollars
from resolvers.metrics.blocks import USAGE
from resolvers.metrics.figures import named_sums
from resolvers.metrics.periods import Period
from resolvers.metrics.readings import Key, Question, Reading, read
from resolvers.metrics.scopes import Scope
from resolvers.metrics.series import alignment

DAYS_AT_ONCE: Final = 31
IN_MEMORY: Final = 1 << 20
READ_AT_ONCE: Final = 1 << 16

USAGE_SUMS: Final[dict[str, tuple[str, ...]]] = {
    "requests": ("requests",),
    "errors": ("errors",),
    "tokens.input": ("uncached_tokens", "cache_read_tokens", "cache_write_tokens"),
    "tokens.output": ("visible_tokens", "reasoning_tokens"),
    "tokens.cacheRead": ("cache_read_tokens",),
    "tokens.cacheWrite": ("cache_write_tokens",),
    "tokens.reasoning": ("reasoning_tokens",),
    "priced": ("priced",),
    "estimated": ("estimated",),
}
API_SUMS: Final[dict[str, tuple[str, ...]]] = {
    "requests": ("requests",),
    "errors": ("errors",),
    "requestBytes": ("request_bytes",),
    "responseBytes": ("response_bytes",),
    "cacheHits": ("hits",),
    "cacheMisses": ("misses",),
}


async def daily_sums(session: ReadSession, scope: Scope, *, by: str) -> IO[bytes]:
    """A temporary file, at its start, with a row for each local day and value of a dimension that has calls.

    Raises Invalid beyond 3,000 days, and beyond 31 where only single calls know the dimension.
    """
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 — the caller's, who closes it
    try:
        file.write(lines([["day", by, *_sums_of(scope), *_further(scope)]]))
        for days in _stretches(scope.period):
            rows = await _rows(session, scope, by, days)
            await asyncio.to_thread(file.write, lines(rows))
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """The file in pieces; closed at its end."""
    with file:
        while piece := file.read(READ_AT_ONCE):
            yield piece


def _stretches(period: Period) -> Iterator[Sequence[dt.datetime]]:
    """The starts of up to 31 days at a time, and the end of the last. The first start may lie before the period."""
    edges = [*period.starts("day"), period.end]
    for first in range(0, len(edges) - 1, DAYS_AT_ONCE):
        yield edges[first : first + DAYS_AT_ONCE + 1]


async def _rows(session: ReadSession, scope: Scope, by: str, days: Sequence[dt.datetime]) -> list[list[str]]:
    every, shift = alignment(days[:-1])
    edges = (max(days[0], scope.period.start), *days[1:])
    question = Question(scope.block, edges, scope.columns, by=by, every=every, shift=shift)
    found: dict[tuple[int, Key], Reading] = {}
    for (time, key), reading in (await read(session, scope.snapshot, question)).items():
        if time is not None and reading.sums[0]:
            place = (bisect_right(days, time) - 1, key)
            found.setdefault(place, Reading.empty(scope.block)).add(reading)
    ordered = sorted(found, key=lambda place: (place[0], place[1] is None, place[1] or ""))
    return [
        [f"{days[day].astimezone(scope.period.zone):%Y-%m-%d}", guarded(key or ""), *_cells(scope, found[day, key])]
        for day, key in ordered
    ]


def _cells(scope: Scope, reading: Reading) -> list[str]:
    sums = named_sums(scope.block, reading)
    cells = [str(sum(sums[name] for name in names)) for names in _sums_of(scope).values()]
    further: dict[str, Any] = {
        "costUsd": dollars(sums["cost_picousd"]) if sums.get("priced") else None,
        "meanDurationMs": sums["duration_ms"] / sums["timed"] if sums["timed"] else None,
        "maxDurationMs": sums["max_duration_ms"],
    }
    return cells + ["" if further[name] is None else str(further[name]) for name in _further(scope)]


def _sums_of(scope: Scope) -> dict[str, tuple[str, ...]]:
    return USAGE_SUMS if scope.block is USAGE else API_SUMS


def _further(scope: Scope) -> list[str]:
    return [*(["costUsd"] if scope.block is USAGE else []), "meanDurationMs", "maxDurationMs"]
