"""Roll-ups by subject and by key: without shapes, so that one statement reads the facts and adds them up."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select

from models import ApiBySubject, ApiCall, UsageByKey, UsageBySubject, UsageEvent, WriteSession
from models.functions import time_bucket
from models.rollups import DAY, QUARTER
from resolvers.rollups.measures import API_SUMS, USAGE_SUMS, Measures
from resolvers.rollups.upserts import adding, insert_into, table_of


@dataclass(frozen=True, slots=True)
class BySubject:
    """Facts that are summed by subject and UTC day, or by key and bucket of each of the `grains`."""

    facts: Any
    model: Any
    measures: Measures
    grains: tuple[int, ...] = ()


CUBES = (
    BySubject(UsageEvent, UsageBySubject, USAGE_SUMS),
    BySubject(ApiCall, ApiBySubject, API_SUMS),
    BySubject(UsageEvent, UsageByKey, USAGE_SUMS, (DAY, QUARTER)),
)


async def add_by_subject(session: WriteSession, cube: BySubject, *conditions: ColumnElement[bool]) -> None:
    """Adds the facts that meet the conditions to their rows."""
    facts = cube.facts
    if not cube.grains:
        keys = {"bucket": time_bucket(facts.time, DAY), "subject": func.coalesce(facts.subject, "")}
        await _add(session, cube, keys, *conditions)
    for grain in cube.grains:
        keys = {"grain": literal_column(str(grain)), "bucket": time_bucket(facts.time, grain)}
        keys["api_key_id"] = facts.api_key_id
        await _add(session, cube, keys, *conditions, facts.api_key_id.is_not(None))


async def _add(session: WriteSession, cube: BySubject, keys: dict[str, Any], *conditions: ColumnElement[bool]) -> None:
    table, keys = table_of(cube.model), {"project_id": cube.facts.project_id, **keys}
    by_position: list[ColumnElement[Any]] = [literal_column(str(place)) for place in range(1, len(keys) + 1)]
    sums = select(*keys.values(), *cube.measures.values()).where(*conditions).group_by(*by_position)
    names = [*keys, *cube.measures]
    await session.run(adding(table, insert_into(table, session.dialect).from_select(names, sums)))
