"""The database as commands use it: beside a running Vigie, and only when the schema is the one they know."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from models import Database, ReadSession
from models.projects import Project
from resolvers.projects import get_project
from vigie.cli.output import fail, out
from vigie.files import make_private
from vigie.migrate import Revision, migrate, revision
from vigie.settings import Settings, load_settings
from vigie.urls import sqlite_file, without_password

T = TypeVar("T")


def with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    """Runs `work` on the database of the settings; ends the command when it is missing or not migrated."""

    async def run() -> T:
        async with _opened(load_settings()) as database:
            return await work(database)

    return asyncio.run(run())


async def project_named(session: ReadSession, name: str) -> Project:
    """The project of that name; ends the command without one."""
    project = await get_project(session, name=name)
    if project is None:
        fail(
            f"There is no project `{name}`.",
            f"`vigie projects create {name}` makes it, `vigie projects list` lists them",
        )
    return project


def migrate_database() -> None:
    """Bring the database to the present schema.

    `vigie serve` does this by itself at each start; run it alone to migrate before a new version is rolled out.
    Safe to run at any time and several times: one migrates, the others wait.
    """
    settings = load_settings()

    async def run() -> None:
        database = open_database(settings)
        try:
            before = await revision(database)
            await migrate(database)
        finally:
            await database.close()
        state = "is already at" if before is Revision.CURRENT else "is now at"
        out.print(f"{without_password(settings.database)} {state} the present schema.")

    asyncio.run(run())


def open_database(settings: Settings) -> Database:
    """The database of the settings, made when it is a file."""
    file = sqlite_file(settings.database)
    if file is not None:
        make_private(file)
    return Database(settings.database)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    file = sqlite_file(settings.database)
    if file is not None and not file.exists():
        fail(f"There is no database at {file} yet.", "start Vigie once with `vigie serve`, or run `vigie migrate`")
    database = Database(settings.database)
    try:
        if await revision(database) is not Revision.CURRENT:
            fail("The database is not at the schema of this Vigie.", "run `vigie migrate`; `vigie doctor` says more")
        yield database
    finally:
        await database.close()
