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
    """Facts that are summed by a dimension, in buckets of one grain."""

    facts: Any
    model: Any
    measures: Measures
    dimension: str = "subject"
    grain: int = DAY


CUBES = (
    BySubject(UsageEvent, UsageBySubject, USAGE_SUMS),
    BySubject(ApiCall, ApiBySubject, API_SUMS),
    BySubject(UsageEvent, UsageByKey, USAGE_SUMS, "api_key_id", QUARTER),
)


async def add_by_subject(session: WriteSession, cube: BySubject, *conditions: ColumnElement[bool]) -> None:
    """Adds the facts that meet the conditions to their rows."""
    facts = cube.facts
    keys: dict[str, Any] = {"project_id": facts.project_id, "bucket": time_bucket(facts.time, cube.grain)}
    if cube.dimension == "subject":
        keys["subject"] = func.coalesce(facts.subject, "")
    else:
        keys |= {"grain": literal_column(str(cube.grain)), "api_key_id": facts.api_key_id}
        conditions = (*conditions, facts.api_key_id.is_not(None))
    table = table_of(cube.model)
    by_position: list[ColumnElement[Any]] = [literal_column(str(place)) for place in range(1, len(keys) + 1)]
    sums = select(*keys.values(), *cube.measures.values()).where(*conditions).group_by(*by_position)
    names = [*keys, *cube.measures]
    await session.run(adding(table, insert_into(table, session.dialect).from_select(names, sums)))
