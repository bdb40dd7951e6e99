"""Fresh, migrated databases for tests: SQLite files copied, PostgreSQL databases cloned, from migrated templates.

A test that asks for `database` or `database_url` runs on SQLite and on PostgreSQL. These marks choose otherwise:

    @on_every_server        SQLite, and every PostgreSQL that we have: for what depends on the server's version
    @on_every_postgresql
    @only_postgresql
    @only_sqlite
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from models import Database
from vigie.migrate import migrate

DIALECTS = ("sqlite", "postgresql")
OLDER = () if os.environ.get("DATABASE_URL") else ("postgresql16",)

on_every_server = pytest.mark.parametrize("database_url", [*DIALECTS, *OLDER], indirect=True)
on_every_postgresql = pytest.mark.parametrize("database_url", ["postgresql", *OLDER], indirect=True)
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Templates:
    """Migrated databases, each made when it is first needed and copied for every test.

    `server` answers the URL of the server that a name such as `postgresql` or `postgresql16` stands for.
    """

    def __init__(self, folder: Path, server: Callable[[str], str]) -> None:
        self._folder = folder
        self._server = server
        self._made: dict[str, str] = {}

    @contextmanager
    def copy(self, name: str, folder: Path) -> Iterator[str]:
        """The URL of a migrated, empty database, gone afterwards."""
        if name == "sqlite":
            shutil.copy(self._sqlite(), folder / "vigie.db")
            yield f"sqlite:///{folder / 'vigie.db'}"
        else:
            with self._clone(name) as url:
                yield url

    def drop(self) -> None:
        """Removes the templates from the servers."""
        for name, template in self._made.items():
            if name != "sqlite":
                self._command(name, f"DROP DATABASE {template}")

    def _sqlite(self) -> str:
        if "sqlite" not in self._made:
            self._made["sqlite"] = str(self._folder / "template.db")
            asyncio.run(_migrated(f"sqlite:///{self._made['sqlite']}"))
        return self._made["sqlite"]

    @contextmanager
    def _clone(self, name: str) -> Iterator[str]:
        if name not in self._made:
            self._made[name] = f"vigie_template_{secrets.token_hex(6)}"
            self._command(name, f"CREATE DATABASE {self._made[name]}")
            asyncio.run(_migrated(self._url(name, self._made[name])))
        copy = f"vigie_test_{secrets.token_hex(6)}"
        self._command(name, f"CREATE DATABASE {copy} TEMPLATE {self._made[name]}")
        try:
            yield self._url(name, copy)
        finally:
            self._command(name, f"DROP DATABASE {copy} WITH (FORCE)")

    def _url(self, name: str, database: str | None = None) -> str:
        url = make_url(self._server(name)).set(drivername="postgresql")
        return (url.set(database=database) if database else url).render_as_string(hide_password=False)

    def _command(self, name: str, sql: str) -> None:
        asyncio.run(_execute(self._url(name), sql))


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _migrated(url: str) -> None:
    database = Database(url)
    try:
        await migrate(database)
    finally:
        await database.close()
