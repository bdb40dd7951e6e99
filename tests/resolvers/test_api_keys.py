"""API keys: made, listed, revoked, and never stored in the clear."""

import asyncio
import datetime as dt

import pytest
from sqlalchemy import select, text

from models import ApiKey, AuditEntry, Database, Project
from resolvers.api_keys import count_api_keys, create_api_key, digest_of, list_api_keys, revoke_api_key
from resolvers.errors import Conflict, Invalid, NotFound
from resolvers.principals import Role
from resolvers.projects import create_project

pytestmark = pytest.mark.anyio


async def create(database: Database, project: Project, name: str = "key", role: Role = Role.READER) -> ApiKey:
    async with database.write() as session:
        key, _ = await create_api_key(session, project_id=project.id, name=name, role=role, actor="tests")
    return key


async def test_only_the_hash_of_a_key_is_stored(database: Database, project: Project) -> None:
    async with database.write() as session:
        key, secret = await create_api_key(
            session, project_id=project.id, name="ci", role=Role.INGEST, actor="first admin key"
        )
    assert secret.startswith("vigie_")
    assert len(secret) == len("vigie_") + 43
    assert key.prefix == secret[:12]
    assert key.digest == digest_of(secret)
    async with database.read() as session:
        for table in ("api_keys", "audit_entries"):
            rows = await session.rows(select(text(f"{table}.*")).select_from(text(table)))
            assert secret not in repr(rows)


async def test_every_action_leaves_an_audit_entry(database: Database, project: Project) -> None:
    await create(database, project, "keeper", Role.ADMIN)
    key = await create(database, project, "ci")
    async with database.write() as session:
        await revoke_api_key(session, project_id=project.id, key_id=key.id, actor="keeper")
    async with database.read() as session:
        entries = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    assert [(entry.actor, entry.action, entry.target) for entry in entries] == [
        ("tests", "project.created", None),
        ("tests", "api_key.created", "api_key:1"),
        ("tests", "api_key.created", "api_key:2"),
        ("keeper", "api_key.revoked", "api_key:2"),
    ]
    assert entries[2].details == {"name": "ci", "role": "reader", "expiresAt": None}


async def test_a_refused_key_leaves_nothing(database: Database, project: Project) -> None:
    with pytest.raises(Invalid):
        await create(database, project, " ")
    async with database.read() as session:
        assert await count_api_keys(session, project_id=project.id) == 0


async def test_a_key_ends_in_the_future(database: Database, project: Project) -> None:
    with pytest.raises(Invalid) as refused:
        async with database.write() as session:
            await create_api_key(
                session,
                project_id=project.id,
                name="late",
                role=Role.READER,
                actor="tests",
                expires_at=dt.datetime.now(dt.UTC),
            )
    assert refused.value.field == "expiresAt"


async def test_keys_made_at_once_get_numbers_of_their_own(database: Database, project: Project) -> None:
    keys = await asyncio.gather(*(create(database, project) for _ in range(8)))
    assert sorted(key.id for key in keys) == list(range(1, 9))


async def test_keys_are_listed_newest_first_in_pages_and_by_project(database: Database, project: Project) -> None:
    async with database.write() as session:
        other = await create_project(session, name="other", actor="tests")
    await create(database, other, "foreign")
    for number in range(1, 6):
        await create(database, project, f"key {number}")
    async with database.read() as session:
        first = await list_api_keys(session, project_id=project.id, limit=3)
        rest = await list_api_keys(session, project_id=project.id, limit=3, before=first[-1].id)
        assert [key.name for key in (*first, *rest)] == [f"key {number}" for number in (5, 4, 3, 2, 1)]
        assert await count_api_keys(session, project_id=project.id) == 5


async def test_revoking_twice_changes_nothing(database: Database, project: Project) -> None:
    key = await create(database, project)
    times = []
    for _ in range(2):
        async with database.write() as session:
            times.append((await revoke_api_key(session, project_id=project.id, key_id=key.id, actor="a")).revoked_at)
    assert times[0] is not None
    assert times[0] == times[1]
    async with database.read() as session:
        actions = await session.scalars(select(AuditEntry.action))
    assert actions.count("api_key.revoked") == 1


async def test_a_foreign_key_is_not_found(database: Database, project: Project) -> None:
    async with database.write() as session:
        other = await create_project(session, name="other", actor="tests")
    key = await create(database, other)
    with pytest.raises(NotFound):
        async with database.write() as session:
            await revoke_api_key(session, project_id=project.id, key_id=key.id, actor="tests")


async def test_the_last_admin_key_stays(database: Database, project: Project) -> None:
    admin = await create(database, project, "admin", Role.ADMIN)
    await create(database, project, "reader")
    with pytest.raises(Conflict, match="create another admin key first") as refused:
        async with database.write() as session:
            await revoke_api_key(session, project_id=project.id, key_id=admin.id, actor="tests")
    assert isinstance(refused.value.current, ApiKey)
    await create(database, project, "second admin", Role.ADMIN)
    async with database.write() as session:
        await revoke_api_key(session, project_id=project.id, key_id=admin.id, actor="tests")


async def test_two_admins_who_revoke_each_other_at_once_leave_one(database: Database, project: Project) -> None:
    keys = [await create(database, project, "admin", Role.ADMIN) for _ in range(2)]

    async def revoke(key: ApiKey) -> None:
        async with database.write() as session:
            await revoke_api_key(session, project_id=project.id, key_id=key.id, actor="tests")

    outcomes = await asyncio.gather(*map(revoke, keys), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]
