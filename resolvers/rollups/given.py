"""Many rows of values as one parameter of a statement: a relation to look others up by.

Look up with an outer join: SQLite, without statistics, may turn an inner one round and read the whole other table.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, FromClause, func, literal
from sqlalchemy import column as named_column
from sqlalchemy.dialects.postgresql import ARRAY

from models.base import to_microseconds


def given_rows(
    columns: Sequence[Column[Any]], rows: Sequence[Sequence[Any]], dialect: str
) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """A relation of the rows, whose values are those of the columns, and its columns in that order."""
    if dialect == "postgresql":
        arrays = [
            literal(list(values), ARRAY(column.type))
            for column, values in zip(columns, zip(*rows, strict=True), strict=True)
        ]
        named = [named_column(column.name, column.type) for column in columns]
        unnested = func.unnest(*arrays).table_valued(*named, name="given").render_derived()
        return unnested, list(unnested.c)
    text = orjson.dumps([[_plain(value) for value in row] for row in rows]).decode()
    each = func.json_each(text).table_valued("value", name="given")
    return each, [func.json_extract(each.c.value, f"$[{place}]") for place in range(len(columns))]


def _plain(value: Any) -> Any:
    """A value as SQLite stores it."""
    return to_microseconds(value) if hasattr(value, "tzinfo") else value
