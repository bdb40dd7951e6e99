"""Advice of every day: once for each project, whoever does it, whatever happens meanwhile."""

import asyncio
import datetime as dt
from collections.abc import Collection

import pytest

from models import Database, Project, Recommendation
from resolvers.projects import create_project
from resolvers.recommendations.daily import CLAIM, LATE, generate_daily
from resolvers.recommendations.generation import Generator

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MIDNIGHT = NOON.replace(hour=0)
DAY = dt.timedelta(days=1)


class Noting(Generator):
    """Notes for which project and time it was asked; may fail."""

    def __init__(self, *, failing: Collection[int] = ()) -> None:
        super().__init__()
        self.asked: list[tuple[int, dt.datetime]] = []
        self.failing = set(failing)

    async def generate(
        self,
        database: Database,
        *,
        project_id: int,
        start: dt.datetime,
        end: dt.datetime,
        kinds: Collection[str] = (),
    ) -> list[Recommendation]:
        self.asked.append((project_id, end))
        await asyncio.sleep(0.05)
        if project_id in self.failing:
            raise RuntimeError("no advice today")
        return await super().generate(database, project_id=project_id, start=start, end=end, kinds=kinds)


@pytest.fixture
async def other(database: Database) -> Project:
    async with database.write() as session:
        return await create_project(session, name="others", actor="tests")


async def test_each_project_has_its_turn_once_a_day(database: Database, project: Project, other: Project) -> None:
    noting = Noting()

    for now in (NOON, NOON + dt.timedelta(hours=3), NOON + DAY / 2 + LATE / 2, NOON + DAY):
        await generate_daily(database, noting, now=now)

    assert noting.asked == [(id_, end) for end in (MIDNIGHT, MIDNIGHT + DAY) for id_ in (project.id, other.id)]


async def test_of_many_processes_one_does_it(database: Database, project: Project) -> None:
    everybody = [Noting() for _ in range(5)]

    await asyncio.gather(*(generate_daily(database, noting, now=NOON) for noting in everybody))

    assert [asked for noting in everybody for asked in noting.asked] == [(project.id, MIDNIGHT)]


async def test_one_that_fails_holds_nobody_up_and_is_tried_again(
    database: Database, project: Project, other: Project
) -> None:
    failing = Noting(failing=[project.id])
    await generate_daily(database, failing, now=NOON)
    assert [project_id for project_id, _ in failing.asked] == [project.id, other.id]

    well = Noting()
    await generate_daily(database, well, now=NOON + CLAIM / 2)
    assert well.asked == []
    await generate_daily(database, well, now=NOON + CLAIM)
    assert well.asked == [(project.id, MIDNIGHT)]


async def test_one_that_ended_in_the_middle_leaves_the_work_to_another(database: Database, project: Project) -> None:
    task = asyncio.create_task(generate_daily(database, Noting(), now=NOON))
    await asyncio.sleep(0.04)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    noting = Noting()
    await generate_daily(database, noting, now=NOON + CLAIM)

    assert noting.asked == [(project.id, MIDNIGHT)]
