"""API keys: made, listed, revoked. Only the SHA-256 of a key is ever stored, so its text is shown once, when made."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Collection, Sequence

from sqlalchemy import BigInteger, ColumnElement, func, literal, or_, select, tuple_

from models import ApiKey, Project, ReadSession, WriteSession
from resolvers.audit_entries import record_audit_entry
from resolvers.errors import Conflict, Invalid, LimitReached, NotFound
from resolvers.locks import lock_project
from resolvers.principals import Role

GENERATED = "vigie_"
MOST_NAME_CHARACTERS = 100
MOST_KEYS = 1000
MOST_NAMED = 1000
"""Keys that one statement asks for."""


def digest_of(secret: str) -> bytes:
    """What is stored of a key. A plain hash is enough for 256 random bits: there is nothing to guess."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


async def create_api_key(
    session: WriteSession,
    *,
    project_id: int,
    name: str,
    role: Role,
    actor: str,
    expires_at: dt.datetime | None = None,
    secret: str | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which nobody can learn again later.

    `secret` is the text of a key that was made elsewhere; without it one is generated. Raises Invalid for the name or
    an end in the past, LimitReached when the project has too many keys.
    """
    now = dt.datetime.now(dt.UTC)
    name = name.strip()
    if not 1 <= len(name) <= MOST_NAME_CHARACTERS or not name.isprintable():
        raise Invalid(f"A key's name has 1 to {MOST_NAME_CHARACTERS} printable characters.", field="name")
    if expires_at is not None and expires_at <= now:
        raise Invalid("The end of a key lies in the future.", field="expiresAt")
    await lock_project(session, project_id=project_id)
    if await _count(session, *_active(project_id, now)) >= MOST_KEYS:
        raise LimitReached(f"The project has {MOST_KEYS} active keys: revoke those that nobody uses.")
    last_id = await session.scalar(select(func.max(ApiKey.id)).where(ApiKey.project_id == project_id))
    text = secret or GENERATED + secrets.token_urlsafe(32)
    key = ApiKey(
        project_id=project_id,
        id=(last_id or 0) + 1,
        name=name,
        role=role.value,
        prefix=text[: 12 if text.startswith(GENERATED) else 4],
        digest=digest_of(text),
        created_at=now,
        expires_at=expires_at,
        last_used_at=None,
        revoked_at=None,
    )
    session.add(key)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="api_key.created",
        target=f"api_key:{key.id}",
        details={"name": name, "role": role.value, "expiresAt": expires_at and expires_at.isoformat()},
    )
    return key, text


async def revoke_api_key(session: WriteSession, *, project_id: int, key_id: int, actor: str) -> ApiKey:
    """Ends a key for good; a revoked one stays as it is. Raises NotFound, or Conflict for the last admin key.

    The caller tells the authenticator after the commit, so that the key ends at once in this process.
    """
    now = dt.datetime.now(dt.UTC)
    await lock_project(session, project_id=project_id)
    key = await get_api_key(session, project_id=project_id, key_id=key_id)
    if key is None:
        raise NotFound("There is no such key in this project.", field="id")
    if key.revoked_at is not None:
        return key
    others = (*_active(project_id, now), ApiKey.role == Role.ADMIN.value, ApiKey.id != key.id)
    is_active = key.expires_at is None or key.expires_at > now
    if key.role == Role.ADMIN and is_active and not await _count(session, *others):
        raise Conflict(
            "This is the project's last admin key: create another admin key first, then revoke this one.",
            field="id",
            current=key,
        )
    key.revoked_at = now
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="api_key.revoked",
        target=f"api_key:{key.id}",
        details={"name": key.name, "role": key.role},
    )
    return key


async def get_api_key(session: ReadSession, *, project_id: int, key_id: int) -> ApiKey | None:
    """The key of that number in the project."""
    return await session.scalar(select(ApiKey).where(ApiKey.project_id == project_id, ApiKey.id == key_id))


async def list_api_keys(
    session: ReadSession, *, project_id: int, limit: int, before: int | None = None
) -> Sequence[ApiKey]:
    """At most `limit` keys, the newest first, from those older than key number `before`."""
    keys = select(ApiKey).where(ApiKey.project_id == project_id).order_by(ApiKey.id.desc()).limit(limit)
    return await session.scalars(keys if before is None else keys.where(ApiKey.id < literal(before, BigInteger)))


async def count_api_keys(session: ReadSession, *, project_id: int) -> int:
    """How many keys the project has ever had."""
    return await _count(session, ApiKey.project_id == project_id)


async def find_api_keys(session: ReadSession, *, digest: bytes) -> Sequence[tuple[ApiKey, Project]]:
    """The keys with that digest, each with its project, whatever their state."""
    found = await session.rows(
        select(ApiKey, Project).join(Project, Project.id == ApiKey.project_id).where(ApiKey.digest == digest)
    )
    return [(key, project) for key, project in found]


async def api_keys_by_place(session: ReadSession, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], ApiKey]:
    """The keys of some places, each a project and a key's number in it; places without a key are left out."""
    waiting, found = list(keys), dict[tuple[int, int], ApiKey]()
    while waiting:
        some, waiting = waiting[:MOST_NAMED], waiting[MOST_NAMED:]
        rows = await session.scalars(select(ApiKey).where(tuple_(ApiKey.project_id, ApiKey.id).in_(some)))
        found |= {(row.project_id, row.id): row for row in rows}
    return found


def _active(project_id: int, now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    unexpired = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
    return ApiKey.project_id == project_id, ApiKey.revoked_at.is_(None), unexpired


async def _count(session: ReadSession, *conditions: ColumnElement[bool]) -> int:
    return await session.scalar(select(func.count()).select_from(ApiKey).where(*conditions)) or 0
