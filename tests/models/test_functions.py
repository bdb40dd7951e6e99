"""The SQL functions answer alike on both databases, and as Python does."""

import datetime as dt
import sqlite3
from typing import Any

import pytest
from sqlalchemy import Double, Integer, LargeBinary, Select, Text, func, literal, select, union_all

from models import Database
from models.base import BigSum, Json, UtcDateTime
from models.functions import (
    BUCKETS,
    GAMMA,
    SqliteConnection,
    all_names,
    big_add,
    big_sum,
    distinct_names,
    framed_bytes,
    joined_bytes,
    json_text,
    latency_bucket,
    latency_buckets,
    time_bucket,
    unindexed,
)
from tests.databases import on_every_server

MIDNIGHT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
LATENCIES = [0.0, 0.0001, 0.0005, 0.001, 0.5, 1.0, 1.01, 2.0, 99.9, 100.0, 1234.5, 86_400_000.0, 1e12]


def over(type_: Any, items: list[Any]) -> Any:
    """A table `given(value)` of these values."""
    return union_all(*(select(literal(item, type_).label("value")) for item in items)).subquery("given")


async def answer(database: Database, statement: Select[Any]) -> Any:
    async with database.read() as session:
        return (await session.one(statement))[0]


@on_every_server
@pytest.mark.parametrize("minutes", [1, 15, 1440])
@pytest.mark.parametrize("second", [0, 1, 59.999999, 60, 899, 900, 3600, 86_399.999999])
async def test_a_time_lies_in_the_bucket_that_starts_before_it(database: Database, minutes: int, second: float) -> None:
    time = MIDNIGHT + dt.timedelta(seconds=second)
    start = MIDNIGHT + (time - MIDNIGHT) // dt.timedelta(minutes=minutes) * dt.timedelta(minutes=minutes)

    assert await answer(database, select(time_bucket(literal(time, UtcDateTime()), minutes))) == start


async def test_buckets_are_found_for_times_long_ago(database: Database) -> None:
    time = dt.datetime(2000, 2, 29, 23, 59, 59, tzinfo=dt.UTC)

    found = await answer(database, select(time_bucket(literal(time, UtcDateTime()), 1440)))
    assert found == dt.datetime(2000, 2, 29, tzinfo=dt.UTC)


@on_every_server
async def test_latencies_fall_into_the_buckets_that_python_names(database: Database) -> None:
    numbers = [*LATENCIES, *(GAMMA ** (power + 0.5) for power in range(-700, 3000, 37))]
    given = over(Double(), [*numbers, None])

    packed = await answer(database, select(latency_buckets(given.c.value)))

    found = [int.from_bytes(packed[at : at + 2], "big") for at in range(0, len(packed), 2)]
    assert sorted(found) == sorted(latency_bucket(ms) for ms in numbers)
    assert max(found) < BUCKETS


def test_a_bucket_is_within_half_a_percent() -> None:
    for ms in (0.01, 0.7, 3.0, 250.0, 9_999.0):
        edge = GAMMA ** (latency_bucket(ms) - 765)
        assert edge / GAMMA <= ms <= edge * (1 + 1e-12)


@on_every_server
async def test_bytes_are_joined_and_framed(database: Database) -> None:
    parts = [b"", b"\x00\xff", b"abc", b"x" * 300]
    given = over(LargeBinary(), [*parts, None])

    joined = await answer(database, select(joined_bytes(given.c.value)))
    framed = await answer(database, select(framed_bytes(given.c.value)))

    assert sorted(joined) == sorted(b"".join(parts))
    found = []
    while framed:
        length = int.from_bytes(framed[:4], "big")
        found.append(framed[4 : 4 + length])
        framed = framed[4 + length :]
    assert sorted(found) == sorted(parts)


@on_every_server
async def test_sums_are_exact_beyond_64_bits(database: Database) -> None:
    numbers = [2**63, 2**63, -1, 10**30, 7]
    given = over(BigSum(), [*numbers, None])

    assert await answer(database, select(big_sum(given.c.value))) == sum(numbers)
    assert await answer(database, select(big_sum(over(Integer(), [1, 2]).c.value))) == 3
    added = big_add(literal(2**63, BigSum()), literal(2**63, BigSum()))
    assert await answer(database, select(added)) == 2**64


@on_every_server
async def test_names_are_listed_with_and_without_repeats(database: Database) -> None:
    given = over(Text(), ["a", "b", "a", None, "ü", ""])

    assert sorted(await answer(database, select(distinct_names(given.c.value)))) == ["", "a", "b", "ü"]
    assert sorted(await answer(database, select(all_names(given.c.value)))) == ["", "a", "a", "b", "ü"]


@pytest.mark.parametrize("aggregate", [latency_buckets, joined_bytes, framed_bytes, big_sum])
async def test_an_aggregate_over_nothing_is_null(database: Database, aggregate: Any) -> None:
    types = {latency_buckets: Double(), big_sum: BigSum()}
    given = over(types.get(aggregate, LargeBinary()), [None])

    assert await answer(database, select(aggregate(given.c.value))) is None


async def test_a_list_of_no_names_is_empty(database: Database) -> None:
    given = over(Text(), [None])

    assert await answer(database, select(distinct_names(given.c.value))) == []
    assert await answer(database, select(all_names(given.c.value))) == []


async def test_an_unindexed_column_is_the_column(database: Database) -> None:
    given = over(Integer(), [1, 2, 3])

    counted = select(func.count()).select_from(given).where(unindexed(given.c.value) > 1)
    assert await answer(database, counted) == 2


@on_every_server
async def test_a_member_of_an_object_is_text(database: Database) -> None:
    value = {"a": "x", "$.b": "dollar", "n": 7, "f": 1.5, "t": True, "z": None, "o": {"a": 1}}
    given = over(Json(), [value])

    async def member(key: str) -> Any:
        return await answer(database, select(json_text(given.c.value, key)))

    found = {key: await member(key) for key in ("a", "$.b", "n", "f", "t", "z", "missing")}
    assert found == {"a": "x", "$.b": "dollar", "n": "7", "f": "1.5", "t": "true", "z": None, "missing": None}


def test_a_connection_may_be_closed_twice() -> None:
    connection = sqlite3.connect(":memory:", factory=SqliteConnection)
    connection.close()
    connection.close()
