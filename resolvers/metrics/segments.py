"""Which roll-up rows cover a stretch of time: the coarsest that no edge cuts, facts where even minutes are cut."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.base import EPOCH

FACTS = 0
"""The grain of a segment that is read from the facts themselves."""


@dataclass(frozen=True, slots=True)
class Segment:
    """[start, end) at a grain (minutes of a roll-up bucket), or from facts."""

    grain: int
    start: dt.datetime
    end: dt.datetime


def segments(
    edges: Sequence[dt.datetime], *, grains: Sequence[int], minutes_from: dt.datetime
) -> dict[int, list[Segment]]:
    """Covers [edges[0], edges[-1]) so that no roll-up bucket is cut by an edge, by grain.

    `edges` ascend. `grains` are minutes, coarsest first. Minute rows older than `minutes_from` may be gone, so facts
    stand in for them.
    """
    found: dict[int, list[Segment]] = {}
    for segment in _merged(_split(edges[0], edges[-1], edges, grains, minutes_from)):
        found.setdefault(segment.grain, []).append(segment)
    return found


def _split(
    start: dt.datetime, end: dt.datetime, edges: Sequence[dt.datetime], grains: Sequence[int], minutes_from: dt.datetime
) -> Iterator[Segment]:
    if not grains or (grains[0] == 1 and start < minutes_from):
        yield Segment(FACTS, start, end)
        return
    size = dt.timedelta(minutes=grains[0])
    cut: dict[dt.datetime, list[dt.datetime]] = {}
    for edge in edges:
        bucket = edge - (edge - EPOCH) % size
        if bucket != edge:
            cut.setdefault(bucket, []).append(edge)
    position = start
    for bucket in sorted(cut):
        if position < bucket:
            yield Segment(grains[0], position, bucket)
        last = min(bucket + size, end)
        yield from _split(max(bucket, start), last, cut[bucket], grains[1:], minutes_from)
        position = last
    if position < end:
        yield Segment(grains[0], position, end)


def _merged(pieces: Iterator[Segment]) -> Iterator[Segment]:
    held: Segment | None = None
    for piece in pieces:
        if held is not None and (held.grain, held.end) == (piece.grain, piece.start):
            held = Segment(held.grain, held.start, piece.end)
        else:
            if held is not None:
                yield held
            held = piece
    if held is not None:
        yield held
