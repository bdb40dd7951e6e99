"""The migrations and the models say the same, on both databases."""

import datetime as dt
from collections.abc import Callable

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from models import Base, Database
from models.partitions import ensure_months
from tests.databases import on_every_server, only_postgresql
from vigie.migrate import config, migrate


async def run(database: Database, step: Callable[[Config], object]) -> None:
    """Runs an Alembic command on the database, in one transaction."""

    def within(connection: Connection) -> None:
        step(config(connection))

    async with database.engine.begin() as connection:
        await connection.run_sync(within)


async def tables(database: Database) -> set[str]:
    """The tables of the database, without those behind SQLite's text search."""
    async with database.engine.connect() as connection:
        names = await connection.run_sync(lambda synchronous: inspect(synchronous).get_table_names())
        return {name for name in names if "_fts" not in name}


def test_the_migrations_are_one_line() -> None:
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


@on_every_server
async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    await run(database, command.check)

    assert await tables(database) == {*Base.metadata.tables, "alembic_version"}


@only_postgresql
async def test_partitions_are_no_difference(database: Database, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await ensure_months(connection, [dt.date(2026, 11, 1)])
    await connection.close()

    await run(database, command.check)


@on_every_server
async def test_the_migrations_go_down_and_up_again(database: Database) -> None:
    await run(database, lambda alembic: command.downgrade(alembic, "base"))
    assert await tables(database) == {"alembic_version"}

    await run(database, lambda alembic: command.upgrade(alembic, "head"))
    await run(database, command.check)


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate(database)

    await run(database, command.check)
