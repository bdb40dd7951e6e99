"""Latency sketches: exact counts, merging in any way, and quantiles within half a percent of nearest rank."""

import math
import random

import numpy as np
import pytest

from models.functions import BUCKETS, latency_bucket
from resolvers.rollups import sketch

SHARES = [0.5, 0.95, 0.99]
RANDOM = random.Random(20)


def raw(values: list[float]) -> bytes:
    return b"".join(latency_bucket(value).to_bytes(2, "big") for value in values)


def exact(values: list[float]) -> list[float]:
    ordered = sorted(values)
    ranks = [-(-len(values) * share // 100) for share in (50, 95, 99)]
    return [ordered[rank - 1] for rank in ranks]


@pytest.mark.parametrize(
    "values",
    [
        [RANDOM.lognormvariate(6, 1.2) for _ in range(9973)],
        [RANDOM.lognormvariate(-3, 3) for _ in range(100)],
        [412.5] * 57,
        [0.0],
        [0.0] * 90 + [1.0] * 10,
        [0.001, 0.002, 0.5],
        [1e9, 1e12, 2e14],
        [float(n) for n in range(1, 101)],
    ],
    ids=["lognormal", "small lognormal", "constant", "zero", "mostly zero", "tiny", "huge", "ranks at bounds"],
)
def test_quantiles_agree_with_exact_nearest_rank_within_half_a_percent(values: list[float]) -> None:
    stored = sketch.from_buckets(raw(values))
    assert sketch.quantiles(sketch.counts([stored]), SHARES) == [pytest.approx(v, rel=0.005) for v in exact(values)]
    assert sketch.grouped_quantiles([stored], [None], SHARES) == [sketch.quantiles(sketch.counts([stored]), SHARES)]


def test_no_latencies_have_no_quantiles() -> None:
    assert sketch.from_buckets(None) == b""
    assert sketch.quantiles(sketch.counts([], []), SHARES) == [None, None, None]
    assert sketch.grouped_quantiles([None, b""], [b"", None], [0.5]) == [[None], [None]]
    assert sketch.grouped_quantiles([], [], [0.5]) == []


def test_sketches_merge_exactly_in_any_order_and_joined_end_to_end() -> None:
    parts = [[RANDOM.lognormvariate(5, 2) for _ in range(RANDOM.randrange(300))] for _ in range(20)]
    sketches = [sketch.from_buckets(raw(part)) for part in parts]
    whole = sketch.from_buckets(raw([value for part in parts for value in part]))
    assert sketch.merge(*sketches) == whole
    assert sketch.merge(*reversed(sketches), None) == whole
    assert sketch.merge(b"".join(sketches)) == whole
    assert np.array_equal(sketch.counts(sketches), sketch.counts([whole]))
    assert np.array_equal(sketch.counts(sketches[:7], [raw(p) for p in parts[7:]]), sketch.counts([whole]))


@pytest.mark.parametrize(("groups", "most"), [(5, 2000), (3000, 3)], ids=["few and full", "many and sparse"])
def test_many_groups_merge_and_answer_as_each_would_alone(groups: int, most: int) -> None:
    values = [
        [[RANDOM.lognormvariate(6, 1) for _ in range(RANDOM.randrange(most))] for _ in "ab"] for _ in range(groups)
    ]
    stored = [sketch.from_buckets(raw(old)) for old, _ in values]
    news = [raw(new) or None for _, new in values]
    merged = sketch.merge_groups(stored, news)
    assert merged == [sketch.from_buckets(raw(old + new)) for old, new in values]
    assert sketch.grouped_quantiles(stored, news, SHARES) == [
        sketch.quantiles(sketch.counts([one]), SHARES) for one in merged
    ]


def test_an_entry_is_a_little_endian_bucket_and_count() -> None:
    assert sketch.from_buckets(b"\x01\x02\x01\x02\x00\x07") == b"\x07\x00\x01\x00\x00\x00" + b"\x02\x01\x02\x00\x00\x00"


def test_a_count_beyond_32_bits_is_split_over_entries() -> None:
    full = b"\x05\x00\xff\xff\xff\xff"
    merged = sketch.merge(full, full, full, b"\x06\x00\x01\x00\x00\x00")
    assert merged == full * 3 + b"\x06\x00\x01\x00\x00\x00"
    assert sketch.merge(merged, b"\x05\x00\x02\x00\x00\x00") == (
        full * 3 + b"\x05\x00\x02\x00\x00\x00" + b"\x06\x00\x01\x00\x00\x00"
    )
    assert sketch.counts([merged])[5] == 3 * (2**32 - 1)


def test_a_number_outside_the_buckets_counts_in_the_nearest() -> None:
    counts = sketch.counts([], [(-3).to_bytes(2, "big", signed=True), (9000).to_bytes(2, "big")])
    assert counts[0] == 1
    assert counts[BUCKETS - 1] == 1
    assert math.isclose(counts.sum(), 2)
