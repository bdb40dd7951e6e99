"""Roll-up rows in the database, on either dialect: sums are added in SQL, shapes read, merged here and written back.

Shapes are what SQL cannot add: sketches and sets of subjects.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Select, and_, select

from models import WriteSession
from resolvers.rollups import sketch
from resolvers.rollups.cubes import LONGEST, Series
from resolvers.rollups.given import given_rows
from resolvers.rollups.slices import Groups, Key
from resolvers.rollups.subjects import from_bytes, to_bytes
from resolvers.rollups.upserts import Upsert, adding, insert_into, table_of

ROWS_A_STATEMENT = 500

Shapes = Mapping[Key, Sequence[bytes]]


async def add_groups(session: WriteSession, series: Series, model: Any, groups: Groups, *, project_id: int) -> None:
    """Adds groups to the rows of a roll-up of a series, making those that are missing."""
    keys = sorted(groups)
    for start in range(0, len(keys), ROWS_A_STATEMENT):
        some = keys[start : start + ROWS_A_STATEMENT]
        found = await session.rows(_shapes(series, model, some, project_id=project_id, dialect=session.dialect))
        rows = await asyncio.to_thread(_rows, series, model, {key: groups[key] for key in some}, found, project_id)
        await session.run_many(_upsert(model, session.dialect), rows)


def _rows(
    series: Series, model: Any, groups: Groups, found: Sequence[Sequence[Any]], project_id: int
) -> list[dict[str, Any]]:
    """Rows to add: sums of the groups alone, shapes of the groups with what was found stored."""
    key_names = _key_names(model)
    sketches = len(series.sketches)
    old: Shapes = {tuple(row[: len(key_names)]): row[len(key_names) :] for row in found if row[0]}
    nothing = (b"",) * (sketches + 1)
    stored = [old.get(key, nothing) for key in groups]
    merged = [
        sketch.merge_groups(
            [shapes[place] for shapes in stored], [b"".join(group.raw[place]) for group in groups.values()]
        )
        for place in range(sketches)
    ]
    members = [
        to_bytes(BitMap.union(group.members, from_bytes(shapes[-1])))
        for group, shapes in zip(groups.values(), stored, strict=True)
    ]
    names = ("project_id", *key_names, *series.sums, LONGEST, *series.sketches, "subjects")
    return [
        dict(zip(names, (project_id, *key, *group.sums, group.longest, *shapes), strict=True))
        for (key, group), *shapes in zip(groups.items(), *merged, members, strict=True)
    ]


def _shapes(series: Series, model: Any, keys: Sequence[Key], *, project_id: int, dialect: str) -> Select[Any]:
    """The SELECT of the key and shapes of the row of each of these keys; all null where there is none."""
    table = table_of(model)
    columns = [table.c[name] for name in _key_names(model)]
    given, wanted = given_rows(columns, keys, dialect)
    same = [column == value for column, value in zip(columns, wanted, strict=True)]
    shapes = [table.c[name] for name in (*series.sketches, "subjects")]
    row = and_(table.c.project_id == project_id, *same)
    return select(*columns, *shapes).select_from(given).outerjoin(table, row)


@cache
def _upsert(model: Any, dialect: str) -> Upsert:
    table = table_of(model)
    return adding(table, insert_into(table, dialect))


def _key_names(model: Any) -> tuple[str, ...]:
    """The key columns of a roll-up after the project."""
    return tuple(table_of(model).primary_key.columns.keys()[1:])
