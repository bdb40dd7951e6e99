"""Column types that mean the same on both databases."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, literal, select
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.types import TypeEngine

from models import Activity, Database, Project, UsageByTime
from models.base import BigSum, Json, UtcDateTime, from_microseconds, to_microseconds

KATHMANDU = dt.timezone(dt.timedelta(hours=5, minutes=45))
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)

TIMES = [
    NOON,
    NOON.replace(microsecond=1),
    NOON.replace(microsecond=999_999),
    dt.datetime(2026, 11, 20, 12, 0, 0, 123_457, tzinfo=KATHMANDU),
    dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
    dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
    dt.datetime(1, 1, 2, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 30, 23, 59, 59, 999_999, tzinfo=dt.UTC),
]

VALUES = [
    {},
    {"a": {"b": [1, 2.5, "text", True, None]}},
    {"text": "grüße ✓ 🚢 \u2028 \\ \" '"},
    {"big": 2**53 + 1, "small": -(2**53) - 1, "fraction": 0.1},
    [],
    ["a", ["b"]],
    "text",
    0,
    False,
]


async def through(database: Database, value: Any, type_: TypeEngine[Any]) -> Any:
    """The value after a trip to the database and back."""
    async with database.read() as session:
        return await session.scalar(select(literal(value, type_)))


@pytest.mark.parametrize("time", TIMES, ids=str)
async def test_a_time_comes_back_in_utc(database: Database, time: dt.datetime) -> None:
    back = await through(database, time, UtcDateTime())

    assert back == time
    assert back.tzinfo is dt.UTC


async def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"):
        await through(database, dt.datetime(2026, 11, 20, 12), UtcDateTime())  # noqa: DTZ001


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_microseconds_are_exact(time: dt.datetime) -> None:
    assert from_microseconds(to_microseconds(time)) == time


@pytest.mark.parametrize("value", VALUES, ids=str)
async def test_json_comes_back(database: Database, value: Any) -> None:
    back = await through(database, value, Json())

    assert back == value
    assert type(back) is type(value)


async def test_times_are_ordered_and_compared_alike(database: Database, project: Project) -> None:
    shuffled = [*TIMES[4:], *TIMES[:4]]
    fact = {"project_id": project.id, "kind": "bug", "name": "bug.filed", "title": "", "payload": {}}
    rows = [{**fact, "seq": number, "id": str(number), "time": time} for number, time in enumerate(shuffled)]
    async with database.write() as session:
        await session.run_many(insert(Activity), rows)

    async with database.read() as session:
        assert await session.scalars(select(Activity.time).order_by(Activity.time)) == sorted(TIMES)
        before_noon = select(Activity.time).where(Activity.time < NOON).order_by(Activity.time)
        assert await session.scalars(before_noon) == sorted(time for time in TIMES if time < NOON)


@pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, 2**63, -(2**64), 10**49])
async def test_a_big_sum_comes_back(database: Database, value: int) -> None:
    assert await through(database, value, BigSum()) == value


async def test_nothing_stays_nothing(database: Database) -> None:
    for type_ in (UtcDateTime(), Json(), BigSum()):
        assert await through(database, None, type_) is None


async def test_every_column_of_a_rollup_is_required(database: Database, project: Project) -> None:
    """A fold that forgets a sum fails, and does not store a null that later sums swallow."""
    with pytest.raises(DBAPIError):
        async with database.write() as session:
            await session.run(insert(UsageByTime).values(project_id=project.id, grain=1, bucket=NOON, requests=1))
