"""Aggregates that both databases answer alike: native on PostgreSQL, Python aggregates on SQLite.

A latency's bucket number is 0 for zero and `ceil(ln(ms) / LN_GAMMA) + BUCKET_OFFSET` above: every value of a bucket is
within 0.5 % of the bucket's middle.
"""

import math
import sqlite3
from contextlib import suppress
from decimal import Decimal
from typing import Any, cast

import orjson
from sqlalchemy import Dialect, Double, LargeBinary, Text, TypeDecorator, literal_column
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeEngine

from models.base import BigSum, UtcDateTime

GAMMA = 1.01
LN_GAMMA = math.log(GAMMA)
BUCKET_OFFSET = 765
BUCKETS = 4096
ZERO_BELOW_MS = 0.0005


class TextList(TypeDecorator[list[str]]):
    """A list of strings: `text[]` on PostgreSQL, a JSON array on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        on_postgres = dialect.name == "postgresql"
        return dialect.type_descriptor(ARRAY(Text()) if on_postgres else Text())

    def process_result_value(self, value: Any, dialect: Dialect) -> list[str]:
        if value is None:
            return []
        return list(orjson.loads(value) if isinstance(value, str) else value)


class time_bucket(GenericFunction[Any]):  # noqa: N801 (SQL functions are lower case)
    """`time_bucket(time, minutes, shift)`: the start of the bucket of that many minutes.

    Buckets are aligned to UTC midnight, or to so many minutes (`shift`) after it.
    """

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, time: Any, minutes: int, shift: int = 0) -> None:
        # Text of the statement, not a parameter: what is compiled once is run again with other parameters.
        super().__init__(time, literal_column(str(int(minutes))), literal_column(str(int(shift))))


class seconds_bucket(GenericFunction[Any]):  # noqa: N801
    """`seconds_bucket(time, seconds)`: the start of the bucket of that many seconds, counted from 1970 on."""

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, time: Any, seconds: int) -> None:
        super().__init__(time, literal_column(str(int(seconds))))


class seconds_between(GenericFunction[Any]):  # noqa: N801
    """`seconds_between(later, earlier)`: how far two times are apart."""

    type = Double()
    inherit_cache = True


class unindexed(GenericFunction[Any]):  # noqa: N801
    """The column itself, which the planner may not look up in an index, where a better one is known.

    SQLite's has no statistics to choose by; PostgreSQL's end before the newest rows, so that any stretch of recent
    time looks short to it.
    """

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column, type_=column.type)


class latency_buckets(GenericFunction[Any]):  # noqa: N801
    """The bucket numbers of the non-null milliseconds, two big-endian bytes each, or null without any."""

    type = LargeBinary()
    inherit_cache = True


class joined_bytes(GenericFunction[Any]):  # noqa: N801
    """The byte strings of a group, one after the other."""

    type = LargeBinary()
    inherit_cache = True


class framed_bytes(GenericFunction[Any]):  # noqa: N801
    """The byte strings of a group, each behind its length (four big-endian bytes)."""

    type = LargeBinary()
    inherit_cache = True


class big_sum(GenericFunction[Any]):  # noqa: N801
    """An integer sum of any size; null without rows."""

    type = BigSum()
    inherit_cache = True


class big_add(GenericFunction[Any]):  # noqa: N801
    """The sum of two integers of any size."""

    type = BigSum()
    inherit_cache = True


class all_names(GenericFunction[Any]):  # noqa: N801
    """The non-null strings of a group, as often as they occur: no sorting, unlike `distinct_names`."""

    type = TextList()
    inherit_cache = True


class distinct_names(GenericFunction[Any]):  # noqa: N801
    """The distinct non-null strings of a group."""

    type = TextList()
    inherit_cache = True


class json_text(GenericFunction[Any]):  # noqa: N801
    """`json_text(column, key)`: the member of a JSON object as text; null without one, and for a JSON null."""

    type = Text()
    inherit_cache = True


class json_scalar(GenericFunction[Any]):  # noqa: N801
    """`json_scalar(column, key)`: the member of a JSON object as text, when it is a text, a number or a boolean.

    Null for anything else, and for an empty text. Numbers are written in full, and alike if they are: 1e3 and 1000.0
    are `1000`.
    """

    type = Text()
    inherit_cache = True


def _arguments(element: GenericFunction[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


@compiles(time_bucket, "postgresql")
def _(element: time_bucket, compiler: SQLCompiler, **kw: Any) -> str:
    time, minutes, shift = _arguments(element, compiler, **kw)
    return f"date_bin('{minutes} minutes', {time}, timestamptz '2000-01-01 00:00:00Z' + interval '{shift} minutes')"


@compiles(time_bucket, "sqlite")
def _(element: time_bucket, compiler: SQLCompiler, **kw: Any) -> str:
    time, minutes, shift = _arguments(element, compiler, **kw)
    return f"({time} - ({time} - {shift} * 60000000) % ({minutes} * 60000000))"


@compiles(seconds_bucket, "postgresql")
def _(element: seconds_bucket, compiler: SQLCompiler, **kw: Any) -> str:
    time, seconds = _arguments(element, compiler, **kw)
    return f"date_bin('{seconds} seconds', {time}, timestamptz '1970-01-01 00:00:00Z')"


@compiles(seconds_bucket, "sqlite")
def _(element: seconds_bucket, compiler: SQLCompiler, **kw: Any) -> str:
    time, seconds = _arguments(element, compiler, **kw)
    return f"({time} - {time} % ({seconds} * 1000000))"


@compiles(seconds_between, "postgresql")
def _(element: seconds_between, compiler: SQLCompiler, **kw: Any) -> str:
    return "extract(epoch FROM {} - {})::float8".format(*_arguments(element, compiler, **kw))


@compiles(seconds_between, "sqlite")
def _(element: seconds_between, compiler: SQLCompiler, **kw: Any) -> str:
    return "(({} - {}) / 1e6)".format(*_arguments(element, compiler, **kw))


@compiles(unindexed, "postgresql")
def _(element: unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = _arguments(element, compiler, **kw)
    return f"({column} + interval '0')" if isinstance(element.type, UtcDateTime) else column


@compiles(unindexed, "sqlite")
def _(element: unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = _arguments(element, compiler, **kw)
    return f"+{column}"


@compiles(latency_buckets, "postgresql")
def _(element: latency_buckets, compiler: SQLCompiler, **kw: Any) -> str:
    (ms,) = _arguments(element, compiler, **kw)
    number = f"CASE WHEN {ms} < {ZERO_BELOW_MS} THEN 0 ELSE ceil(ln({ms}) / {LN_GAMMA!r}::float8) + {BUCKET_OFFSET} END"
    return f"string_agg(int2send(({number})::int2), ''::bytea) FILTER (WHERE {ms} IS NOT NULL)"


@compiles(joined_bytes, "postgresql")
def _(element: joined_bytes, compiler: SQLCompiler, **kw: Any) -> str:
    (value,) = _arguments(element, compiler, **kw)
    return f"string_agg({value}, ''::bytea)"


@compiles(framed_bytes, "postgresql")
def _(element: framed_bytes, compiler: SQLCompiler, **kw: Any) -> str:
    (value,) = _arguments(element, compiler, **kw)
    return f"string_agg(int4send(length({value})) || {value}, ''::bytea)"


@compiles(big_sum, "postgresql")
def _(element: big_sum, compiler: SQLCompiler, **kw: Any) -> str:
    (value,) = _arguments(element, compiler, **kw)
    return f"sum({value})"


@compiles(big_add, "postgresql")
def _(element: big_add, compiler: SQLCompiler, **kw: Any) -> str:
    return "({} + {})".format(*_arguments(element, compiler, **kw))


@compiles(all_names, "postgresql")
def _(element: all_names, compiler: SQLCompiler, **kw: Any) -> str:
    (name,) = _arguments(element, compiler, **kw)
    return f"array_agg({name}) FILTER (WHERE {name} IS NOT NULL)"


@compiles(all_names, "sqlite")
def _(element: all_names, compiler: SQLCompiler, **kw: Any) -> str:
    (name,) = _arguments(element, compiler, **kw)
    return f"json_group_array({name}) FILTER (WHERE {name} IS NOT NULL)"


@compiles(distinct_names, "postgresql")
def _(element: distinct_names, compiler: SQLCompiler, **kw: Any) -> str:
    (name,) = _arguments(element, compiler, **kw)
    return f"array_agg(DISTINCT {name}) FILTER (WHERE {name} IS NOT NULL)"


@compiles(distinct_names, "sqlite")
def _(element: distinct_names, compiler: SQLCompiler, **kw: Any) -> str:
    (name,) = _arguments(element, compiler, **kw)
    return f"json_group_array(DISTINCT {name}) FILTER (WHERE {name} IS NOT NULL)"


@compiles(json_text, "postgresql")
def _(element: json_text, compiler: SQLCompiler, **kw: Any) -> str:
    column, key = _arguments(element, compiler, **kw)
    return f"({column} ->> {key})"


@compiles(json_text, "sqlite")
def _(element: json_text, compiler: SQLCompiler, **kw: Any) -> str:
    column, key = _arguments(element, compiler, **kw)
    # Not by path: a key may hold what means something in one.
    text = "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS TEXT) END"
    return f"(SELECT {text} FROM json_each({column}) WHERE key = {key})"  # noqa: S608 — its parts are compiled


@compiles(json_scalar, "postgresql")
def _(element: json_scalar, compiler: SQLCompiler, **kw: Any) -> str:
    column, key = _arguments(element, compiler, **kw)
    text = f"{column} ->> {key}"
    return (
        f"CASE jsonb_typeof({column} -> {key}) WHEN 'string' THEN nullif({text}, '') WHEN 'boolean' THEN {text} "
        f"WHEN 'number' THEN trim_scale(({text})::numeric)::text END"
    )


@compiles(json_scalar, "sqlite")
def _(element: json_scalar, compiler: SQLCompiler, **kw: Any) -> str:
    column, key = _arguments(element, compiler, **kw)
    # As above, not by path. Of a fraction only the text of the document has all the digits.
    text = (
        "CASE type WHEN 'text' THEN nullif(value, '') WHEN 'integer' THEN CAST(value AS TEXT) "
        f"WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'real' THEN plain_number({column} -> fullkey) END"
    )
    return f"(SELECT {text} FROM json_each({column}) WHERE key = {key})"  # noqa: S608 — its parts are compiled


def latency_bucket(ms: float) -> int:
    """The bucket number of a latency in milliseconds."""
    return 0 if ms < ZERO_BELOW_MS else math.ceil(math.log(ms) / LN_GAMMA) + BUCKET_OFFSET


class _LatencyBuckets:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def step(self, ms: float | None) -> None:
        if ms is not None:
            self.parts.append(latency_bucket(ms).to_bytes(2, "big"))

    def finalize(self) -> bytes | None:
        return b"".join(self.parts) or None


class _JoinedBytes:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def step(self, value: bytes | None) -> None:
        if value is not None:
            self.parts.append(value)

    def finalize(self) -> bytes | None:
        return b"".join(self.parts) if self.parts else None


class _FramedBytes(_JoinedBytes):
    def step(self, value: bytes | None) -> None:
        if value is not None:
            self.parts.append(len(value).to_bytes(4, "big") + value)


class _BigSum:
    def __init__(self) -> None:
        self.total: int | None = None

    def step(self, value: int | str | None) -> None:
        if value is not None:
            self.total = (self.total or 0) + int(value)

    def finalize(self) -> str | None:
        return None if self.total is None else str(self.total)


def _big_add(left: int | str, right: int | str) -> str:
    return str(int(left) + int(right))


def _plain_number(text: str) -> str:
    """A JSON number without an exponent and without zeros at its end, as PostgreSQL writes it."""
    text = f"{Decimal(text):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


class SqliteConnection(sqlite3.Connection):
    """A SQLite connection that knows the functions above."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.create_aggregate("latency_buckets", 1, cast("Any", _LatencyBuckets))
        self.create_aggregate("joined_bytes", 1, cast("Any", _JoinedBytes))
        self.create_aggregate("framed_bytes", 1, cast("Any", _FramedBytes))
        self.create_aggregate("big_sum", 1, cast("Any", _BigSum))
        self.create_function("big_add", 2, _big_add, deterministic=True)
        self.create_function("plain_number", 1, _plain_number, deterministic=True)

    def interrupt(self) -> None:
        """Stops what it is at, if it is not closed."""
        with suppress(sqlite3.ProgrammingError):
            super().interrupt()

    def close(self) -> None:
        """Gives up the transaction first: else a statement not finalized yet keeps its lock beyond the close."""
        try:
            with suppress(sqlite3.ProgrammingError):  # it is closed already, which is fine
                self.rollback()
        finally:
            super().close()
