"""The facts of a subject: its name replaced, and emptied of what may say more of it. What sums are made of stays."""

import datetime as dt
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, select, update

from models import ApiCall, UsageContent, UsageEvent, WriteSession
from models.base import UtcDateTime
from resolvers.erasures.words import Replacing
from resolvers.rollups.upserts import table_of

FACTS: Final = (UsageEvent, ApiCall)
EMPTIED: Final[dict[Any, dict[str, Any]]] = {
    UsageEvent: {"attributes": {}, "error_message": None, "session_id": None, "trace_id": None, "raw_usage": None},
    ApiCall: {"attributes": {}, "trace_id": None},
}


async def pseudonymise(
    session: WriteSession, facts: Any, project_id: int, replacing: Replacing, *conditions: ColumnElement[bool]
) -> int:
    """Replaces the name in those of its facts that meet the conditions; answers how many there were."""
    chosen = facts.project_id == project_id, facts.subject == replacing.name, *conditions
    rows = await session.rows(select(facts.time, facts.id).where(*chosen))
    if facts is UsageEvent:
        await _forget_contents(session, project_id, rows)
    renamed = [(time, old, new) for time, old in rows if (new := replacing.text(old)) != old]
    await session.run(update(facts).where(*chosen).values(subject=replacing.pseudonym, **EMPTIED[facts]))
    if renamed:
        await _rename(session, facts, project_id, renamed)
    return len(rows)


async def _forget_contents(session: WriteSession, project_id: int, rows: Any) -> None:
    content = table_of(UsageContent)
    doomed = delete(content).where(
        content.c.project_id == project_id, content.c.time == bindparam("at"), content.c.id == bindparam("old")
    )
    if rows:
        await session.run_many(doomed, [{"at": time, "old": key} for time, key in rows])


async def _rename(
    session: WriteSession, facts: Any, project_id: int, renamed: list[tuple[dt.datetime, str, str]]
) -> None:
    """Events whose ids hold the name get others: sent again, they will not be known."""
    table = table_of(facts)
    at = bindparam("at", type_=UtcDateTime())
    changed = update(table).where(table.c.project_id == project_id, table.c.time == at, table.c.id == bindparam("old"))
    rows = [{"at": time, "old": old, "new": new} for time, old, new in renamed]
    await session.run_many(changed.values(id=bindparam("new")), rows)
