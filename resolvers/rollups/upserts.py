"""INSERTs that add to the row of the same key where there is one, on either dialect."""

from typing import Any, cast

from sqlalchemy import ColumnElement, Table, case
from sqlalchemy.dialects import postgresql, sqlite

from models.base import BigSum
from models.functions import big_add
from resolvers.rollups.cubes import LONGEST

SHAPES = frozenset({"latency", "time_to_first_token", "subjects"})
"""What SQL cannot add: it is merged beforehand, and replaces what was there."""

Upsert = postgresql.Insert | sqlite.Insert


def table_of(model: Any) -> Table:
    """The table of a mapped class."""
    return cast("Table", model.__table__)


def insert_into(table: Table, dialect: str) -> Upsert:
    """The dialect's INSERT, which knows ON CONFLICT."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def adding(table: Table, insert: Upsert) -> Upsert:
    """Makes an INSERT into a roll-up add to what is there."""
    key = table.primary_key.columns
    return insert.on_conflict_do_update(
        index_elements=list(key),
        set_={
            column.name: _merged(column, insert.excluded[column.name])
            for column in table.columns
            if column.name not in key
        },
    )


def _merged(old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    if new.key in SHAPES:
        return new
    if new.key == LONGEST:
        return case((old.is_(None) | (new > old), new), else_=old)
    return big_add(old, new) if isinstance(old.type, BigSum) else old + new
