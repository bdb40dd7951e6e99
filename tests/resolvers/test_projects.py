"""Projects: made with all that belongs to them, named once."""

import asyncio

import pytest
from sqlalchemy import select

from models import AuditEntry, Counter, Database, Project, Watermark
from resolvers.errors import Conflict, Invalid
from resolvers.projects import FIRST_FLOOR, create_project, get_project, list_projects

pytestmark = pytest.mark.anyio


async def test_a_project_has_its_counter_and_watermarks_from_the_first_moment(database: Database) -> None:
    async with database.write() as session:
        project = await create_project(session, name="acme", actor="cli")
    async with database.read() as session:
        counter = await session.scalar(select(Counter).where(Counter.project_id == project.id))
        watermarks = await session.rows(select(Watermark.name, Watermark.seq).order_by(Watermark.name))
        entry = await session.scalar(select(AuditEntry))
    assert counter is not None
    assert (counter.last_seq, counter.floor) == (0, FIRST_FLOOR)
    assert [tuple(row) for row in watermarks] == [("series", 0), ("subjects", 0)]
    assert entry is not None
    assert (entry.project_id, entry.actor, entry.action) == (project.id, "cli", "project.created")


async def test_a_name_is_taken_once(database: Database, project: Project) -> None:
    with pytest.raises(Conflict, match="already"):
        async with database.write() as session:
            await create_project(session, name=project.name, actor="cli")


async def test_of_two_who_take_a_name_at_once_one_gets_it(database: Database) -> None:
    async def create() -> None:
        async with database.write() as session:
            await create_project(session, name="contested", actor="cli")

    outcomes = await asyncio.gather(*(create() for _ in range(4)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 3 + ["NoneType"]


@pytest.mark.parametrize("name", ["", "Acme", "a b", "-a", "a-", "ä", "a" * 64, "a\n"])
async def test_a_name_is_plain(database: Database, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        async with database.write() as session:
            await create_project(session, name=name, actor="cli")
    assert refused.value.field == "name"


async def test_projects_are_found_by_name_and_listed_in_order(database: Database) -> None:
    async with database.write() as session:
        for name in ("one", "two"):
            await create_project(session, name=name, actor="cli")
    async with database.read() as session:
        assert [project.name for project in await list_projects(session)] == ["one", "two"]
        found = await get_project(session, name="two")
        assert found is not None
        assert found.name == "two"
        assert await get_project(session, name="three") is None
