"""Latency sketches: sparse histograms over the buckets of `models.functions`, each of 1 % of relative width.

A sketch is stored as entries of six bytes, a bucket number (little-endian, 16 bits) and a count (32 bits). Entries may
repeat a bucket, so two sketches joined end to end are the sketch of both: SQL merges with `joined_bytes`. Raw buckets
are what `latency_buckets` answers: one big-endian 16-bit number for each latency. None stands for no latency at all.
"""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.functions import BUCKET_OFFSET, BUCKETS, GAMMA

Counts = NDArray[np.int64]
Part = bytes | None

ENTRY = np.dtype([("bucket", "<u2"), ("count", "<u4")])
RAW = np.dtype(">i2")
MOST = 2**32 - 1
SHARE_UNIT = 10_000
VALUES_MS = 2 * GAMMA ** (np.arange(BUCKETS) - BUCKET_OFFSET) / (GAMMA + 1)
VALUES_MS[0] = 0.0


def from_buckets(raw: Part) -> bytes:
    """The sketch of raw buckets."""
    return merge_groups([None], [raw])[0]


def merge(*parts: Part) -> bytes:
    """The sketch of several sketches, each bucket once, in order."""
    return merge_groups([b"".join(part for part in parts if part)], [None])[0]


def merge_groups(stored: Sequence[Part], raw: Sequence[Part]) -> list[bytes]:
    """The sketch of each group: its stored sketch and its raw buckets (two lists of one length) together."""
    keys, counts = _collected(stored, raw)
    if counts.size and counts.max() > MOST:
        entries = -(-counts // MOST)
        last = np.cumsum(entries) - 1
        keys, rest = np.repeat(keys, entries), counts - (entries - 1) * MOST
        counts = np.full(keys.size, MOST)
        counts[last] = rest
    made = np.empty(keys.size, ENTRY)
    made["bucket"], made["count"] = keys % BUCKETS, counts
    whole, cuts = made.tobytes(), (_cuts(keys, len(stored)) * ENTRY.itemsize).tolist()
    return [whole[start:end] for start, end in itertools.pairwise(cuts)]


def counts(stored: Iterable[Part], raw: Iterable[Part] = ()) -> Counts:
    """How many latencies each of the BUCKETS holds, over all the sketches and raw buckets given."""
    keys, found = _collected([b"".join(part for part in stored if part)], [b"".join(part for part in raw if part)])
    dense = np.zeros(BUCKETS, np.int64)
    dense[keys] = found
    return dense


def quantiles(counts: Counts, shares: Sequence[float]) -> list[float | None]:
    """The nearest-rank quantiles in milliseconds, within 0.5 %; None without any latency.

    A share is a multiple of 1/10,000.
    """
    buckets = np.flatnonzero(counts)
    return _quantiles(buckets, counts[buckets], 1, shares)[0]


def grouped_quantiles(stored: Sequence[Part], raw: Sequence[Part], shares: Sequence[float]) -> list[list[float | None]]:
    """`quantiles` of each group, which has a stored sketch and raw buckets (two lists of one length)."""
    keys, found = _collected(stored, raw)
    return _quantiles(keys, found, len(stored), shares)


def _collected(stored: Sequence[Part], raw: Sequence[Part]) -> tuple[Counts, Counts]:
    """The occupied buckets of all groups, ascending, as `group * BUCKETS + bucket`, and their counts."""
    groups = np.arange(len(stored), dtype=np.int64) * BUCKETS
    entries = np.frombuffer(b"".join(part for part in stored if part), ENTRY)
    numbers = np.frombuffer(b"".join(part for part in raw if part), RAW)
    keys = np.concatenate(
        (
            np.repeat(groups, _lengths(stored, ENTRY)) + entries["bucket"],
            np.repeat(groups, _lengths(raw, RAW)) + np.clip(numbers, 0, BUCKETS - 1),
        )
    )
    weights = np.concatenate((entries["count"].astype(np.float64), np.ones(numbers.size)))
    if len(stored) * BUCKETS > 8 * keys.size:
        keys, places = np.unique(keys, return_inverse=True)
        return keys, np.bincount(places, weights, keys.size).astype(np.int64)
    dense = np.bincount(keys, weights)
    keys = np.flatnonzero(dense)
    return keys, dense[keys].astype(np.int64)


def _lengths(parts: Sequence[Part], entry: np.dtype[np.void] | np.dtype[np.int16]) -> Counts:
    return np.fromiter((len(part) // entry.itemsize if part else 0 for part in parts), np.int64, len(parts))


def _cuts(keys: Counts, groups: int) -> Counts:
    """Where each group's keys begin, and the end of the last."""
    return np.searchsorted(keys, np.arange(groups + 1) * BUCKETS)


def _quantiles(keys: Counts, counts: Counts, groups: int, shares: Sequence[float]) -> list[list[float | None]]:
    below = np.concatenate(([0], np.cumsum(counts)))
    cuts = _cuts(keys, groups)
    before, totals = below[cuts[:-1]], np.diff(below[cuts])
    columns = []
    for share in shares:
        rank = np.maximum(-(-totals * round(share * SHARE_UNIT) // SHARE_UNIT), 1)
        places = np.searchsorted(below[1:], before + rank)
        found = VALUES_MS[keys[np.minimum(places, keys.size - 1)] % BUCKETS] if keys.size else np.zeros(groups)
        columns.append([value if total else None for value, total in zip(found.tolist(), totals.tolist(), strict=True)])
    return [list(row) for row in zip(*columns, strict=True)]
