"""Roll-ups by subject and UTC day: without shapes, so that one statement reads the facts and adds them up."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select

from models import ApiBySubject, ApiCall, UsageBySubject, UsageEvent, WriteSession
from models.functions import time_bucket
from models.rollups import DAY
from resolvers.rollups.measures import API_SUMS, USAGE_SUMS, Measures
from resolvers.rollups.upserts import adding, insert_into, table_of


@dataclass(frozen=True, slots=True)
class BySubject:
    """Facts that are summed by subject and UTC day."""

    facts: Any
    model: Any
    measures: Measures


CUBES = (BySubject(UsageEvent, UsageBySubject, USAGE_SUMS), BySubject(ApiCall, ApiBySubject, API_SUMS))


async def add_by_subject(session: WriteSession, cube: BySubject, *conditions: ColumnElement[bool]) -> None:
    """Adds the facts that meet the conditions to their rows."""
    facts, table = cube.facts, table_of(cube.model)
    keys = [facts.project_id, time_bucket(facts.time, DAY), func.coalesce(facts.subject, "")]
    by_position: list[ColumnElement[Any]] = [literal_column(str(place)) for place in range(1, len(keys) + 1)]
    sums = select(*keys, *cube.measures.values()).where(*conditions).group_by(*by_position)
    names = ["project_id", "bucket", "subject", *cube.measures]
    await session.run(adding(table, insert_into(table, session.dialect).from_select(names, sums)))
