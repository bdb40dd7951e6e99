"""What goes in and out of each scalar, and what is refused in words for the client."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from schema.documents import Refused
from schema.requests import GraphQLRequest
from schema.scalars import (
    format_big_int,
    format_date_time,
    format_decimal,
    format_duration,
    parse_big_int,
    parse_date_time,
    parse_decimal,
    parse_duration,
    parse_json,
)
from tests.schema.serving import KEYS, engine


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20T12:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20t12:00:00z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20T17:45:00+05:45", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20T12:00:00.5Z", datetime(2026, 11, 20, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-20T12:00:00.123456789Z", datetime(2026, 11, 20, 12, 0, 0, 123_457, tzinfo=UTC)),
    ],
)
def test_date_times_are_read(text: str, value: datetime) -> None:
    assert parse_date_time(text) == value
    assert parse_date_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T12:00:00",
        "2026-11-20",
        "12:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-20T25:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "9999-12-31T23:59:59.9999999Z",
        "٢٠٢٦-11-20T12:00:00Z",
        "2026-W47-5T12:00:00Z",
        "now",
        "",
        1_763_640_000,
        None,
    ],
)
def test_other_date_times_are_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="DateTime"):
        parse_date_time(value)


@given(st.text("0123456789", min_size=1, max_size=20))
def test_fractions_are_rounded_as_by_the_door_for_json(digits: str) -> None:
    text = f"2026-11-20T12:00:59.{digits}Z"
    assert parse_date_time(text) == msgspec.convert(text, datetime)


def test_date_times_are_written_in_utc() -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    assert format_date_time(datetime(2026, 11, 20, 17, 45, tzinfo=kathmandu)) == "2026-11-20T12:00:00Z"
    assert format_date_time(datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC)) == "2026-11-20T12:00:00.000005Z"
    with pytest.raises(ValueError, match="naive"):
        format_date_time(datetime(2026, 11, 20))  # noqa: DTZ001


@given(st.datetimes(timezones=st.just(UTC)))
def test_date_times_survive_the_round_trip(value: datetime) -> None:
    assert parse_date_time(format_date_time(value)) == value


@pytest.mark.parametrize(
    ("text", "value", "written"),
    [
        ("PT15M", timedelta(minutes=15), "PT15M"),
        ("P7D", timedelta(days=7), "P7D"),
        ("P1W", timedelta(days=7), "P7D"),
        ("PT36H", timedelta(hours=36), "P1DT12H"),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5), "P1DT2H3M4.5S"),
        ("PT0.001S", timedelta(milliseconds=1), "PT0.001S"),
        ("PT0S", timedelta(0), "PT0S"),
    ],
)
def test_durations_are_read_and_written(text: str, value: timedelta, written: str) -> None:
    assert parse_duration(text) == value
    assert format_duration(value) == written


@pytest.mark.parametrize("value", ["P", "PT", "P1DT", "", "15M", "-PT5M", "P1WT1H", "PT1.5H", "P99999999D", 900, None])
def test_other_durations_are_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="Duration"):
        parse_duration(value)


@pytest.mark.parametrize("text", ["P1Y", "P3M", "P1Y2M3DT4H"])
def test_calendar_durations_are_told_why(text: str) -> None:
    with pytest.raises(GraphQLError, match="no fixed length: write days"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9_999_999)))
def test_durations_survive_the_round_trip(value: timedelta) -> None:
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("0.25", "0.25"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (5, "5"),
        ("1e3", "1000"),
        ("-0.00", "0"),
        ("+1.50", "1.5"),
        ("100", "100"),
        ("9" * 30 + "." + "9" * 30, "9" * 30 + "." + "9" * 30),
    ],
)
def test_decimals_are_exact_and_plain(value: object, written: str) -> None:
    assert format_decimal(parse_decimal(value)) == written


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-inf", float("nan"), float("inf"), "", "x", "1_000", "1,5", "0x1", True, None, [1]]
)
def test_other_decimals_are_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="Decimal wants"):
        parse_decimal(value)


@pytest.mark.parametrize("value", ["1e30", "1e999", "-1e31", "1e-31", 10**30])
def test_decimals_have_an_end(value: object) -> None:
    with pytest.raises(GraphQLError, match="at most 30 digits"):
        parse_decimal(value)


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=12))
def test_decimals_survive_the_round_trip(value: Decimal) -> None:
    assert parse_decimal(format_decimal(value)) == value


def test_big_ints_are_json_integers_of_64_bits() -> None:
    for value in (0, -(2**63), 2**63 - 1, 5.0):
        assert parse_big_int(value) == value
    for wrong in ("5", 5.5, True, None, 2**63, -(2**63) - 1, 1e29, float("inf"), [5]):
        with pytest.raises(GraphQLError, match="BigInt"):
            parse_big_int(wrong)
    assert format_big_int(np.int64(7)) == 7
    for fault in (2**63, "5", 5.0):
        with pytest.raises((ValueError, TypeError)):
            format_big_int(fault)


def test_json_is_any_value_within_reason() -> None:
    value = {"a": [1, 2.5, "x", None, True, {"b": []}]}
    assert parse_json(value) is value
    deep: Any = 1
    for _ in range(65):
        deep = [deep]
    for wrong in (deep, [float("nan")], {"a": 2**63}):
        with pytest.raises(GraphQLError, match="JSON"):
            parse_json(wrong)


async def execute(query: str, **variables: object) -> Any:
    """The data of an operation; its messages when it is refused."""
    runs = engine()
    operation = runs.prepare(GraphQLRequest(query, variables))
    answer = await runs.execute(operation, KEYS["admin-key"], "r")
    return orjson.loads(answer.body)["data"]


@pytest.mark.anyio
async def test_literals_mean_what_variables_mean() -> None:
    value = {"a": [1, 2.5, "x", None, True]}
    assert await execute('{ echo(value: {a: [1, 2.5, "x", null, true]}) }') == {"echo": value}
    assert await execute("query ($v: JSON!) { echo(value: $v) }", v=value) == {"echo": value}
    assert await execute("query ($x: Int) { echo(value: {a: $x}) }", x=3) == {"echo": {"a": 3}}
    assert await execute("{ after(number: 9223372036854775806) }") == {"after": 2**63 - 1}
    assert await execute('{ price(of: 0.10) other: price(of: "0.10") third: price(of: 5) }') == {
        "price": "0.1",
        "other": "0.1",
        "third": "5",
    }


@pytest.mark.anyio
@pytest.mark.parametrize(
    "literal",
    [
        'after(number: "5")',
        "after(number: 5.5)",
        f"after(number: {'9' * 5000})",
        f"echo(value: {'9' * 5000})",
        "echo(value: 1e999)",
        "price(of: true)",
        "price(of: NaN)",
        'price(of: "NaN")',
    ],
)
async def test_bad_literals_do_not_validate(literal: str) -> None:
    with pytest.raises(Refused) as refused:
        await execute("{ " + literal + " }")
    assert [error.extensions for error in refused.value.errors] == [{"code": "GRAPHQL_VALIDATION_FAILED"}]
