"""The first start, and every later one."""

import asyncio
import sys

import pytest
from sqlalchemy import select

from models import ApiKey, AuditEntry, Database
from resolvers.api_keys import revoke_api_key
from resolvers.principals import Role
from resolvers.projects import list_projects
from vigie.auth import Authenticator
from vigie.bootstrap import bootstrap

pytestmark = pytest.mark.anyio

CHOSEN = "chosen-by-the-operator-0123456789"
START = """
import asyncio, sys
from models import Database
from vigie.bootstrap import bootstrap
print(asyncio.run(bootstrap(Database(sys.argv[1]), admin_key=None)) or "")
"""


async def keys(database: Database) -> list[ApiKey]:
    async with database.read() as session:
        return list(await session.scalars(select(ApiKey).order_by(ApiKey.id)))


async def test_the_first_start_makes_two_projects_and_one_admin_key(database: Database) -> None:
    secret = await bootstrap(database, admin_key=None)
    assert secret is not None
    async with database.read() as session:
        assert [project.name for project in await list_projects(session)] == ["default", "vigie"]
        actors = set(await session.scalars(select(AuditEntry.actor)))
    principal = await Authenticator(database).authenticate(secret)
    assert principal is not None
    assert (principal.project_name, principal.role) == ("default", Role.ADMIN)
    assert actors == {"bootstrap"}


async def test_later_starts_change_nothing(database: Database) -> None:
    await bootstrap(database, admin_key=None)
    assert await bootstrap(database, admin_key=None) is None
    assert len(await keys(database)) == 1


async def test_several_at_once_make_one_key(database: Database) -> None:
    secrets = await asyncio.gather(*(bootstrap(database, admin_key=None) for _ in range(5)))
    assert sum(secret is not None for secret in secrets) == 1
    assert len(await keys(database)) == 1


async def test_several_processes_at_once_make_one_key(database: Database, database_url: str) -> None:
    async def start() -> bytes:
        command = [sys.executable, "-c", START, database_url]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        printed, _ = await process.communicate()
        assert process.returncode == 0
        return printed.strip()

    secrets = await asyncio.gather(*(start() for _ in range(4)))
    assert len([secret for secret in secrets if secret]) == 1
    assert len(await keys(database)) == 1


async def test_the_operators_key_is_used_instead(database: Database) -> None:
    assert await bootstrap(database, admin_key=CHOSEN) is None
    principal = await Authenticator(database).authenticate(CHOSEN)
    assert principal is not None
    assert principal.role is Role.ADMIN
    (key,) = await keys(database)
    assert key.prefix == CHOSEN[:4]


async def test_the_operators_key_of_a_later_start_is_one_more(database: Database) -> None:
    await bootstrap(database, admin_key=None)
    for _ in range(2):
        assert await bootstrap(database, admin_key=CHOSEN) is None
    assert [key.name for key in await keys(database)] == ["first admin key", "VIGIE_ADMIN_KEY"]


async def test_the_operators_key_stays_revoked(database: Database) -> None:
    await bootstrap(database, admin_key=None)
    await bootstrap(database, admin_key=CHOSEN)
    async with database.write() as session:
        await revoke_api_key(session, project_id=1, key_id=2, actor="tests")
    await bootstrap(database, admin_key=CHOSEN)
    assert await Authenticator(database).authenticate(CHOSEN) is None
