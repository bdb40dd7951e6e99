"""The first start: the projects that always exist, and a key to begin with."""

import datetime as dt
from typing import Final

import structlog
from sqlalchemy import func, select

from models import Database, WriteSession
from resolvers.alerts.defaults import seed_all
from resolvers.api_keys import count_api_keys, create_api_key, digest_of, find_api_keys
from resolvers.principals import FIRST_PROJECT, Role
from resolvers.projects import create_project, get_project

LOCK: Final = 0x626F6F74  # "boot": of processes that start at once, one makes the key
ACTOR: Final = "bootstrap"
OWN_PROJECT: Final = "vigie"

log = structlog.get_logger(__name__)


async def bootstrap(database: Database, *, admin_key: str | None) -> str | None:
    """Makes what is missing: the projects `default` and `vigie`, rules, and the first admin key. Every start runs it.

    Answers the text of the key that it generated, which nobody can learn again: only when `default` had no key and
    `admin_key` is None. An `admin_key` that is not known yet becomes one more admin key of `default`.
    """
    async with database.write() as session:
        if database.dialect == "postgresql":
            await session.execute(select(func.pg_advisory_xact_lock(LOCK)))
        project_id = await _project(session, FIRST_PROJECT)
        await _project(session, OWN_PROJECT)
        await seed_all(session, now=dt.datetime.now(dt.UTC))
        if admin_key is not None:
            await _honour(session, project_id=project_id, admin_key=admin_key)
            return None
        if await count_api_keys(session, project_id=project_id):
            return None
        _, secret = await create_api_key(
            session, project_id=project_id, name="first admin key", role=Role.ADMIN, actor=ACTOR
        )
    return secret


async def _project(session: WriteSession, name: str) -> int:
    project = await get_project(session, name=name) or await create_project(session, name=name, actor=ACTOR)
    return project.id


async def _honour(session: WriteSession, *, project_id: int, admin_key: str) -> None:
    known = await find_api_keys(session, digest=digest_of(admin_key))
    if not known:
        await create_api_key(
            session, project_id=project_id, name="VIGIE_ADMIN_KEY", role=Role.ADMIN, actor=ACTOR, secret=admin_key
        )
        log.info("VIGIE_ADMIN_KEY is a new admin key of project default")
    elif all(key.revoked_at is not None for key, _ in known):
        log.warning("VIGIE_ADMIN_KEY was revoked and stays so: set another one, or none")
