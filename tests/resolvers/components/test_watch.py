"""The watch: who looks at what, how often, and what is recorded where."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select, update

from models import Component, ComponentSpell, Database, Heartbeat, Project
from resolvers.components.expiry import expire
from resolvers.components.internal import CRITICAL, Finding
from resolvers.components.states import component_states, overall
from resolvers.components.terms import WatchTerms
from resolvers.components.watch import Watch
from resolvers.heartbeats.beating import Beat, beat
from resolvers.heartbeats.saving import save_heartbeat
from resolvers.projects import create_project

pytestmark = pytest.mark.anyio

SECOND = dt.timedelta(seconds=1)
PATIENCE = 20.0


class Looking:
    """What looks find, and how often each kind was looked at."""

    def __init__(self) -> None:
        self.found: dict[str, Mapping[int, Finding] | Finding] = dict.fromkeys(CRITICAL, Finding("healthy"))
        self.looked = dict.fromkeys(CRITICAL, 0)
        self.checked: list[tuple[int, int]] = []

    async def look(self, kind: str) -> Mapping[int, Finding] | Finding:
        self.looked[kind] += 1
        await asyncio.sleep(0.01)
        return self.found[kind]

    async def check(self, project_id: int, number: int) -> str:
        self.checked.append((project_id, number))
        return "healthy"

    @property
    def looks(self) -> dict[str, Callable[[], Awaitable[Mapping[int, Finding] | Finding]]]:
        return {kind: lambda kind=kind: self.look(kind) for kind in CRITICAL}  # type: ignore[misc]


@asynccontextmanager
async def watching(*databases: Database, looking: Looking, every: dt.timedelta = 3600 * SECOND) -> AsyncIterator[None]:
    terms = WatchTerms(internal_every=every, external_every=every)
    watches = [Watch(database, looks=looking.looks, check=looking.check, terms=terms) for database in databases]
    tasks = [asyncio.create_task(watch.run()) for watch in watches]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(database: Database, project: Project, statuses: Mapping[str, str]) -> None:
    """Waits until components have these statuses."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with database.read() as session:
                states = await component_states(session, project_id=project.id)
            if {state.name: state.status for state in states if state.name in statuses} == statuses:
                return
            await asyncio.sleep(0.05)


async def test_a_new_project_knows_its_components_at_once(database: Database, project: Project) -> None:
    async with database.read() as session:
        states = await component_states(session, project_id=project.id)
    assert {state.kind: state.critical for state in states} == CRITICAL
    assert {state.status for state in states} == {"unknown"}


async def test_a_look_is_made_once_in_a_cluster_and_recorded_in_every_project(
    database: Database, project: Project
) -> None:
    async with database.write() as session:
        other = await create_project(session, name="other", actor="tests")
    looking = Looking()
    looking.found |= {"redis": Finding("unknown"), "ingest": {other.id: Finding("degraded")}}
    replica = Database(database.url.render_as_string(hide_password=False))
    try:
        async with watching(database, replica, looking=looking):
            await until(database, project, dict.fromkeys(CRITICAL, "healthy") | {"redis": "unknown"})
            await until(database, other, {"database": "healthy", "ingest": "degraded"})
            await asyncio.sleep(1.2)
    finally:
        await replica.close()
    assert set(looking.looked.values()) == {1}


async def test_it_looks_again_at_each_interval(database: Database, project: Project) -> None:
    looking = Looking()
    async with watching(database, looking=looking, every=SECOND):
        await until(database, project, {"disk": "healthy"})
        looking.found["disk"] = Finding("down", "none left")
        await until(database, project, {"disk": "down"})
        looking.found["disk"] = Finding("healthy")
        await until(database, project, {"disk": "healthy"})
    assert looking.looked["disk"] <= 8


async def test_a_look_that_breaks_means_down_and_quotes_no_secret(database: Database, project: Project) -> None:
    looking = Looking()

    async def broken() -> Finding:
        raise OSError("redis://:hunter2@10.0.0.1")

    terms = WatchTerms(internal_every=3600 * SECOND)
    watch = Watch(database, looks={**looking.looks, "redis": broken}, check=looking.check, terms=terms)
    task = asyncio.create_task(watch.run())
    await until(database, project, {"redis": "down", "disk": "healthy"})
    task.cancel()
    async with database.read() as session:
        states = await component_states(session, project_id=project.id)
    assert [state.message for state in states if state.name == "redis"] == ["OSError."]


async def test_a_heartbeat_is_late_after_its_interval_and_grace(database: Database, project: Project) -> None:
    async with database.write() as session:
        number, token = await save_heartbeat(
            session,
            project_id=project.id,
            number=None,
            values={"name": "backup", "every": SECOND, "grace": SECOND},
            actor="tests",
        )
    assert token is not None
    async with database.read() as session:
        kept = await session.scalar(select(Heartbeat.digest))
    assert token.encode() not in (kept or b"")

    async with watching(database, looking=Looking()):
        async with database.write() as session:
            await beat(session, token=token, sent=Beat(duration_ms=12))
        await until(database, project, {"backup": "healthy"})
        await until(database, project, {"backup": "down"})
        async with database.write() as session:
            await beat(session, token=token, sent=Beat())
        await until(database, project, {"backup": "healthy"})
    async with database.read() as session:
        spells = await session.scalars(select(ComponentSpell).where(ComponentSpell.component_id == number))
    lasted = [spell.ended_at - spell.began_at for spell in spells if spell.status == "healthy" and spell.ended_at]
    assert min(lasted) >= 2 * SECOND


async def test_a_check_that_nobody_recorded_is_due_again(database: Database, project: Project) -> None:
    looking = Looking()
    async with database.write() as session:
        await session.run(
            update(Component).where(Component.kind == "disk").values(kind="http", due_at=dt.datetime.now(dt.UTC))
        )
    async with watching(database, looking=looking):
        async with asyncio.timeout(PATIENCE):
            while not looking.checked:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(1.2)
        assert len(looking.checked) == 1
        async with database.write() as session:
            await session.run(update(Component).where(Component.kind == "http").values(due_at=dt.datetime.now(dt.UTC)))
        async with asyncio.timeout(PATIENCE):
            while len(looking.checked) == 1:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_what_is_old_is_forgotten(database: Database, project: Project) -> None:
    looking = Looking()
    async with watching(database, looking=looking):
        await until(database, project, {"disk": "healthy"})

    await expire(database, before=dt.datetime.now(dt.UTC) + 3600 * SECOND)

    async with database.read() as session:
        spells = await session.scalars(select(ComponentSpell).where(ComponentSpell.project_id == project.id))
    assert {spell.ended_at for spell in spells} == {None}


@pytest.mark.parametrize(
    ("components", "status"),
    [
        ([], "unknown"),
        ([(True, "healthy"), (False, "down")], "healthy"),
        ([(True, "healthy"), (True, "degraded")], "degraded"),
        ([(True, "degraded"), (True, "down"), (True, "unknown")], "down"),
        ([(True, "unknown"), (True, "healthy")], "healthy"),
        ([(True, "unknown"), (False, "healthy")], "unknown"),
    ],
)
def test_the_whole_is_as_its_worst_critical_part(components: list[tuple[bool, str]], status: str) -> None:
    assert overall(components) == status
