"""The status that a project shows to everybody: names and figures, never an address, a message or a secret."""

import datetime as dt
from typing import Any, Final

from sqlalchemy import delete, select

from models import ComponentSpell, Project, ReadSession, StatusDocument, WriteSession
from resolvers.audit_entries import record_audit_entry
from resolvers.components.listing import list_components
from resolvers.components.states import DOWN, overall
from resolvers.components.uptime import uptimes
from resolvers.locks import lock_project
from resolvers.metrics.periods import make_period

UPTIMES: Final = {"day": 1, "week": 7, "month": 30}
OUTAGE_DAYS: Final = 30
MOST_OUTAGES: Final = 50


def path_of(project_name: str) -> str:
    """Where a project's document is."""
    return f"/status/{project_name}.json"


async def publish(session: WriteSession, *, project_id: int, published: bool, actor: str) -> None:
    """Shows a project's status to everybody from now on, or no longer. Doing it again is fine."""
    await lock_project(session, project_id=project_id)
    if await is_published(session, project_id=project_id) == published:
        return
    if published:
        session.add(StatusDocument(project_id=project_id, published_at=dt.datetime.now(dt.UTC)))
    else:
        await session.run(delete(StatusDocument).where(StatusDocument.project_id == project_id))
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="status.published" if published else "status.withdrawn",
    )


async def is_published(session: ReadSession, *, project_id: int) -> bool:
    """Whether everybody may see a project's status."""
    return await session.scalar(select(StatusDocument).where(StatusDocument.project_id == project_id)) is not None


async def status_document(session: ReadSession, *, name: str) -> dict[str, Any] | None:
    """The document of a project, as JSON; None for one that shows nothing, or is none."""
    project_id = await session.scalar(
        select(Project.id).join(StatusDocument, StatusDocument.project_id == Project.id).where(Project.name == name)
    )
    if project_id is None:
        return None
    now = dt.datetime.now(dt.UTC)
    rows = await list_components(session, project_id=project_id)
    numbers = [row.id for row in rows]
    uptime = {
        word: await uptimes(
            session,
            project_id=project_id,
            numbers=numbers,
            period=make_period(start=None, end=None, last=dt.timedelta(days=days), zone="UTC", now=now),
            now=now,
        )
        for word, days in UPTIMES.items()
    }
    checked_at = max((row.checked_at for row in rows if row.checked_at), default=None)
    names = {row.id: row.name for row in rows}
    return {
        "project": name,
        "status": overall((row.critical, row.status) for row in rows),
        "checkedAt": checked_at,
        "components": [
            {
                "name": row.name,
                "status": row.status,
                "critical": row.critical,
                "since": row.since,
                "uptime": {word: shares[row.id] for word, shares in uptime.items()},
            }
            for row in rows
        ],
        "outages": [
            {"component": names[spell.component_id], "startedAt": spell.began_at, "endedAt": spell.ended_at}
            for spell in await _outages(session, project_id, numbers, now - dt.timedelta(days=OUTAGE_DAYS))
        ],
    }


async def _outages(
    session: ReadSession, project_id: int, numbers: list[int], since: dt.datetime
) -> list[ComponentSpell]:
    return list(
        await session.scalars(
            select(ComponentSpell)
            .where(
                ComponentSpell.project_id == project_id,
                ComponentSpell.component_id.in_(numbers),
                ComponentSpell.status == DOWN,
                ComponentSpell.began_at >= since,
            )
            .order_by(ComponentSpell.began_at.desc())
            .limit(MOST_OUTAGES)
        )
    )
