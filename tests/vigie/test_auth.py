"""From the text of a key to a principal: at every use, at once, and without a query each."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import update

from models import ApiKey, Database, Project
from resolvers.api_keys import create_api_key, find_api_keys, get_api_key, revoke_api_key
from resolvers.errors import Unavailable
from resolvers.principals import Principal, Role
from vigie import auth
from vigie.auth import Authenticator

pytestmark = pytest.mark.anyio


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("vigie_auth_refused_total", {"reason": reason}) or 0


async def create(database: Database, project: Project, expires_at: dt.datetime | None = None) -> tuple[ApiKey, str]:
    async with database.write() as session:
        return await create_api_key(
            session, project_id=project.id, name="ci", role=Role.EDITOR, actor="tests", expires_at=expires_at
        )


@pytest.fixture
def authenticator(database: Database) -> Authenticator:
    return Authenticator(database)


async def test_a_key_names_its_principal(database: Database, project: Project, authenticator: Authenticator) -> None:
    key, secret = await create(database, project)
    assert await authenticator.authenticate(secret) == Principal(
        key_id=key.id, name="ci", role=Role.EDITOR, project_id=project.id, project_name="acme", expires_at=None
    )


@pytest.mark.parametrize("secret", ["", "vigie_", "x" * 1_000_000, "kéy", "\udcff"])
async def test_what_is_no_key_is_refused_and_counted(authenticator: Authenticator, secret: str) -> None:
    before = refused("unknown")
    assert await authenticator.authenticate(secret) is None
    assert refused("unknown") == before + 1


async def test_a_prefix_or_a_hash_is_not_the_key(
    database: Database, project: Project, authenticator: Authenticator
) -> None:
    key, secret = await create(database, project)
    for guess in (key.prefix, secret[:-1], secret.upper(), key.digest.hex()):
        assert await authenticator.authenticate(guess) is None


async def test_a_key_ends_while_it_is_remembered(
    database: Database, project: Project, authenticator: Authenticator
) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(milliseconds=200)
    _, secret = await create(database, project, expires_at=end)
    before = refused("expired")
    assert await authenticator.authenticate(secret) is not None
    await asyncio.sleep(0.25)
    assert await authenticator.authenticate(secret) is None
    assert refused("expired") == before + 1


async def test_a_revoked_key_ends_at_once_here(
    database: Database, project: Project, authenticator: Authenticator
) -> None:
    key, secret = await create(database, project)
    assert await authenticator.authenticate(secret) is not None
    async with database.write() as session:
        await revoke_api_key(session, project_id=project.id, key_id=key.id, actor="tests")
    authenticator.forget(project.id, key.id)
    before = refused("revoked")
    assert await authenticator.authenticate(secret) is None
    assert refused("revoked") == before + 1


async def test_a_revoked_key_ends_within_seconds_elsewhere(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REMEMBERED_SECONDS", 0.1)
    elsewhere = Authenticator(database)
    key, secret = await create(database, project)
    assert await elsewhere.authenticate(secret) is not None
    async with database.write() as session:
        await revoke_api_key(session, project_id=project.id, key_id=key.id, actor="tests")
    await asyncio.sleep(0.15)
    assert await elsewhere.authenticate(secret) is None


async def test_a_revocation_during_a_lookup_is_not_forgotten(
    database: Database, project: Project, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = await create(database, project)
    read, revoked = asyncio.Event(), asyncio.Event()

    async def slow(session: Any, *, digest: bytes) -> Any:
        found = await find_api_keys(session, digest=digest)
        read.set()
        await revoked.wait()
        return found

    monkeypatch.setattr(auth, "find_api_keys", slow)
    asked_before = asyncio.create_task(authenticator.authenticate(secret))
    await read.wait()
    async with database.write() as session:
        await revoke_api_key(session, project_id=project.id, key_id=key.id, actor="tests")
    authenticator.forget(project.id, key.id)
    revoked.set()
    await asked_before
    assert await authenticator.authenticate(secret) is None


async def test_many_at_once_ask_the_database_once(
    database: Database, project: Project, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await create(database, project)
    queries = 0

    async def counted(session: Any, *, digest: bytes) -> Any:
        nonlocal queries
        queries += 1
        return await find_api_keys(session, digest=digest)

    monkeypatch.setattr(auth, "find_api_keys", counted)
    for text in (secret, "a guess"):
        queries = 0
        await asyncio.gather(*(authenticator.authenticate(text) for _ in range(100)))
        await authenticator.authenticate(text)
        assert queries == 1


async def test_a_flood_of_guesses_leaves_known_keys_remembered(
    database: Database, project: Project, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MOST_REMEMBERED", 10)
    authenticator = Authenticator(database)
    _, secret = await create(database, project)
    await authenticator.authenticate(secret)
    for guess in range(30):
        await authenticator.authenticate(f"guess {guess}")
    async with database.write() as session:
        await session.run(update(ApiKey).values(digest=b"gone"))
    assert await authenticator.authenticate(secret) is not None


async def test_the_last_use_is_written_once_a_minute(
    database: Database, project: Project, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = await create(database, project)

    async def last_use() -> dt.datetime | None:
        await authenticator.authenticate(secret)
        await authenticator.write_uses()
        async with database.read() as session:
            stored = await get_api_key(session, project_id=project.id, key_id=key.id)
        assert stored is not None
        return stored.last_used_at

    first = await last_use()
    assert first is not None
    assert await last_use() == first
    monkeypatch.setattr(auth, "USE_WRITTEN_EVERY", dt.timedelta(0))
    assert (await last_use() or first) > first


async def test_the_last_use_is_written_at_the_end(
    database: Database, project: Project, authenticator: Authenticator
) -> None:
    key, secret = await create(database, project)
    await authenticator.authenticate(secret)
    await authenticator.close()
    async with database.read() as session:
        stored = await get_api_key(session, project_id=project.id, key_id=key.id)
    assert stored is not None
    assert stored.last_used_at is not None


async def test_an_end_without_a_database_is_an_end(
    database: Database, project: Project, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await create(database, project)
    await authenticator.authenticate(secret)
    monkeypatch.setattr(authenticator, "_database", Database("postgresql://nobody@127.0.0.1:1/nothing"))
    await authenticator.close()
    with pytest.raises(Unavailable):
        await authenticator.authenticate("another")
    assert await authenticator.authenticate(secret) is not None
