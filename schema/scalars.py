"""The scalars of the contract: DateTime, Duration, Decimal, BigInt and JSON.

Annotate fields with `datetime`, `timedelta`, `decimal.Decimal`, `BigInt` and `JSON`; `SCALARS` goes into
`StrawberryConfig(scalar_map=SCALARS)`. A value that a client may not send raises `GraphQLError` with a sentence for the
client; a value that we may not answer raises `ValueError`, which is a fault of ours and is masked.
"""

import math
import operator
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NewType, TypeAlias

import strawberry
from graphql import (
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    StringValueNode,
    ValueNode,
    print_ast,
    value_from_ast_untyped,
)
from strawberry.types.scalar import ScalarDefinition

if TYPE_CHECKING:
    # Type checkers see the Python value that such a field holds, so nothing needs wrapping.
    BigInt: TypeAlias = int
    JSON: TypeAlias = Any
else:
    BigInt = NewType("BigInt", int)
    JSON = strawberry.scalars.JSON

BIG_INT_MIN: Final = -(2**63)
BIG_INT_MAX: Final = 2**63 - 1
DECIMAL_PLACES: Final = 30
JSON_DEPTH: Final = 64
_MICROSECOND: Final = timedelta(microseconds=1)

_DURATION = re.compile(
    r"P(?=[0-9T])(?:(?P<weeks>[0-9]{1,6})W|(?:(?P<days>[0-9]{1,7})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,9})H)?(?:(?P<minutes>[0-9]{1,9})M)?"
    r"(?:(?P<seconds>[0-9]{1,9}(?:\.[0-9]{1,6})?)S)?)?)"
)
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6}(?P<below>[0-9]*))?)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,60}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})(?:[eE][+-]?[0-9]{1,3})?")


def format_date_time(value: datetime) -> str:
    """An aware datetime as ISO 8601 in UTC, ending in `Z`; microseconds only when there are some."""
    if value.tzinfo is None:
        raise ValueError(f"naive datetime {value!r}")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_date_time(value: object) -> datetime:
    """An ISO 8601 date and time with an offset as an aware UTC datetime.

    It is rounded to the nearest microsecond, halves up, as msgspec does: an event that is sent again by another door
    has the same time.
    """
    if not isinstance(value, str):
        raise GraphQLError(f"DateTime wants a string such as 2026-11-20T12:00:00Z, not {_shown(value)}.")
    match = _DATE_TIME.fullmatch(value)
    if match is None:
        raise GraphQLError(f"DateTime wants ISO 8601 such as 2026-11-20T12:00:00Z, not {_shown(value)}.")
    if match["offset"] is None:
        raise GraphQLError(f"DateTime needs an offset: append Z or +01:00 to {_shown(value)}.")
    try:
        rounding = _MICROSECOND * ((match["below"] or "") >= "5")
        return datetime.fromisoformat(value.upper()).astimezone(UTC) + rounding
    except (ValueError, OverflowError):
        raise GraphQLError(f"DateTime {_shown(value)} is not on the calendar.") from None


def format_duration(value: timedelta) -> str:
    """A non-negative timedelta as ISO 8601 in days and clock time: `P7D`, `PT15M`, `P1DT2H0.5S`, `PT0S`."""
    if value < timedelta(0):
        raise ValueError(f"negative duration {value!r}")
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{value.days}D" if value.days else ""
    fraction = f".{value.microseconds:06d}".rstrip("0") if value.microseconds else ""
    clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    if seconds or fraction:
        clock += f"{seconds}{fraction}S"
    if not days and not clock:
        return "PT0S"
    return f"P{days}T{clock}" if clock else f"P{days}"


def parse_duration(value: object) -> timedelta:
    """An ISO 8601 duration of fixed length (weeks, or days and clock time) as a timedelta."""
    if not isinstance(value, str):
        raise GraphQLError(f"Duration wants a string such as PT15M, not {_shown(value)}.")
    match = _DURATION.fullmatch(value)
    if match is None:
        remedy = (
            "months and years have no fixed length: write days"
            if re.match(r"P[0-9]+[YM]", value)
            else "write ISO 8601 such as PT15M, P7D or P1DT12H"
        )
        raise GraphQLError(f"Duration {_shown(value)} is not understood: {remedy}.")
    return timedelta(**{unit: float(number) for unit, number in match.groupdict().items() if number is not None})


def format_decimal(value: Decimal) -> str:
    """A finite Decimal in plain digits, without exponent and without trailing zeros."""
    if not value.is_finite():
        raise ValueError(f"decimal {value}")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def parse_decimal(value: object) -> Decimal:
    """A string or a JSON number as an exact Decimal of at most 30 digits on each side of the point."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise GraphQLError(f'Decimal wants a string such as "0.25", or a number, not {_shown(value)}.')
    text = value if isinstance(value, str) else repr(value)
    if _DECIMAL.fullmatch(text) is None:
        raise GraphQLError(f'Decimal wants digits such as "0.25", not {_shown(value)}.')
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    if number.adjusted() >= DECIMAL_PLACES or not isinstance(exponent, int) or exponent < -DECIMAL_PLACES:
        raise GraphQLError(f"Decimal has at most {DECIMAL_PLACES} digits on each side of the point.")
    return number


def format_big_int(value: object) -> int:
    """An integer, numpy's included, within 64 bits."""
    number = operator.index(value)  # type: ignore[arg-type]
    if not BIG_INT_MIN <= number <= BIG_INT_MAX:
        raise ValueError(f"{number} does not fit into BigInt")
    return number


def saturated(number: int) -> int:
    """The nearest BigInt, for sums that may outgrow 64 bits: a figure out of range must not take an answer with it."""
    return max(BIG_INT_MIN, min(number, BIG_INT_MAX))


def parse_big_int(value: object) -> int:
    """A JSON integer within 64 bits. `5.0` is one, `"5"` is not."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError(f"BigInt wants an integer, not {_shown(value)}.")
    if not BIG_INT_MIN <= value <= BIG_INT_MAX:
        raise GraphQLError("BigInt lies between -2^63 and 2^63 - 1.")
    return value


def parse_big_int_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> int:
    if not isinstance(node, IntValueNode):
        raise GraphQLError(f"BigInt wants an integer, not {_shown_node(node)}.", node)
    return parse_big_int(_int_of(node))


def parse_decimal_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> Decimal:
    if not isinstance(node, IntValueNode | FloatValueNode | StringValueNode):
        raise GraphQLError(f'Decimal wants a string such as "0.25", or a number, not {_shown_node(node)}.', node)
    return parse_decimal(node.value)


def parse_json(value: object) -> object:
    """Any JSON value of at most 64 levels, with finite numbers and integers of 64 bits: beyond that encoders differ."""
    _check_json(value, JSON_DEPTH)
    return value


def parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
    try:
        return parse_json(value_from_ast_untyped(node, variables))
    except ValueError:  # Python refuses to read integers of thousands of digits
        raise GraphQLError("JSON integers lie between -2^63 and 2^63 - 1.", node) from None


def _check_json(value: object, levels: int) -> None:
    if isinstance(value, dict | list):
        if levels == 0:
            raise GraphQLError(f"JSON values nest at most {JSON_DEPTH} levels deep.")
        for item in value.values() if isinstance(value, dict) else value:
            _check_json(item, levels - 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise GraphQLError("JSON numbers are finite.")
    elif isinstance(value, int) and not BIG_INT_MIN <= value <= BIG_INT_MAX:
        raise GraphQLError("JSON integers lie between -2^63 and 2^63 - 1.")


def _int_of(node: IntValueNode) -> int:
    if len(node.value) > 20:
        raise GraphQLError("BigInt lies between -2^63 and 2^63 - 1.", node)
    return int(node.value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _shown_node(node: ValueNode) -> str:
    return _shown(print_ast(node)).strip("'")


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "An instant in ISO 8601. Answers are in UTC and end in `Z` (`2026-11-20T12:00:00Z`); inputs carry an "
            "offset, and are rounded to the microsecond."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=format_date_time,
        parse_value=parse_date_time,
    ),
    timedelta: strawberry.scalar(
        name="Duration",
        description=(
            "A length of time in ISO 8601: weeks, or days and clock time (`PT15M`, `P7D`, `P1DT12H`). A day is 24 "
            "hours; months and years, which have no fixed length, are refused."
        ),
        specified_by_url="https://www.iso.org/standard/70907.html",
        serialize=format_duration,
        parse_value=parse_duration,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description=(
            'An exact decimal number. Answers are strings of plain digits (`"0.25"`); inputs are strings or numbers '
            f"of at most {DECIMAL_PLACES} digits on each side of the point."
        ),
        serialize=format_decimal,
        parse_value=parse_decimal,
        parse_literal=parse_decimal_literal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A counter: a JSON integer between -2^63 and 2^63 - 1.",
        serialize=format_big_int,
        parse_value=parse_big_int,
        parse_literal=parse_big_int_literal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description=f"Any JSON value of at most {JSON_DEPTH} levels: object, list, string, number, boolean or null.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=parse_json,
        parse_literal=parse_json_literal,
    ),
}
"""For `StrawberryConfig(scalar_map=SCALARS)`."""
