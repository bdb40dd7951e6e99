"""What every table shares: the base, constraint names, and column types that mean the same on both databases."""

import datetime as dt
from typing import Any, ClassVar

import orjson
from sqlalchemy import BigInteger, Dialect, MetaData, Numeric, SmallInteger, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
PICODOLLARS = 10**12


def to_microseconds(time: dt.datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    return (time - EPOCH) // MICROSECOND


def from_microseconds(microseconds: int) -> dt.datetime:
    """The UTC datetime of a count of microseconds since the epoch."""
    return EPOCH + dt.timedelta(microseconds=microseconds)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware UTC datetime: `timestamptz` on PostgreSQL, integer microseconds since the epoch on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        on_postgres = dialect.name == "postgresql"
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if on_postgres else BigInteger())

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime reached the database: {value!r}")
        return value if dialect.name == "postgresql" else to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC)
        return from_microseconds(int(value))


class Json(TypeDecorator[Any]):
    """Any JSON value: `jsonb` on PostgreSQL, text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        on_postgres = dialect.name == "postgresql"
        return dialect.type_descriptor(JSONB(none_as_null=True) if on_postgres else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return orjson.dumps(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return orjson.loads(value) if isinstance(value, str) and dialect.name != "postgresql" else value


class BigSum(TypeDecorator[int]):
    """A sum of integers that may outgrow 64 bits: `numeric` on PostgreSQL, decimal text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        on_postgres = dialect.name == "postgresql"
        return dialect.type_descriptor(Numeric(50, 0) if on_postgres else Text())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class Ranked(TypeDecorator[str]):
    """One of a few words with an order, stored as its place in it: so that columns sort by rank, not by spelling."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else self.words.index(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else self.words[value]


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        str: Text(),
        int: BigInteger(),
        dt.datetime: UtcDateTime(),
        dict[str, Any]: Json(),
    }
