"""Projects: the tenants. Each has its counter and its watermarks from the first moment."""

import datetime as dt
import re
from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, func, literal, select
from sqlalchemy.exc import IntegrityError

from models import Counter, Project, ReadSession, Watermark, WriteSession
from resolvers.alerts.defaults import seed
from resolvers.audit_entries import record_audit_entry
from resolvers.components.internal import add_internal_components
from resolvers.errors import Conflict, Invalid

FIRST_FLOOR = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
WATERMARKS = ("series", "subjects")

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


async def create_project(session: WriteSession, *, name: str, actor: str) -> Project:
    """A new, empty project. Raises Invalid for a name that is none, Conflict for one that is taken."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            "A project's name has 1 to 63 characters: lower-case letters, digits and hyphens, no hyphen at either end.",
            field="name",
        )
    taken = Conflict(f"There is a project `{name}` already.", field="name")
    if await get_project(session, name=name) is not None:
        raise taken
    project = Project(name=name, created_at=dt.datetime.now(dt.UTC))
    session.add(project)
    try:
        await session.flush()
    except IntegrityError as error:
        raise taken from error
    session.add(Counter(project_id=project.id, last_seq=0, floor=FIRST_FLOOR))
    for watermark in WATERMARKS:
        session.add(Watermark(project_id=project.id, name=watermark, seq=0))
    await seed(session, project_id=project.id, now=project.created_at)
    await add_internal_components(session, project_id=project.id)
    record_audit_entry(session, project_id=project.id, actor=actor, action="project.created", details={"name": name})
    return project


async def get_project(session: ReadSession, *, name: str) -> Project | None:
    """The project of that name."""
    return await session.scalar(select(Project).where(Project.name == name))


async def list_projects(
    session: ReadSession, *, only: int | None = None, limit: int | None = None, after: int | None = None
) -> Sequence[Project]:
    """The projects in the order they were made, or `only` one: at most `limit`, behind the one with the id `after`."""
    rows = select(Project).where(*_conditions(only)).order_by(Project.id).limit(limit)
    return await session.scalars(rows if after is None else rows.where(Project.id > literal(after, BigInteger)))


async def count_projects(session: ReadSession, *, only: int | None = None) -> int:
    """How many there are."""
    return await session.scalar(select(func.count()).select_from(Project).where(*_conditions(only))) or 0


def _conditions(only: int | None) -> list[ColumnElement[bool]]:
    return [] if only is None else [Project.id == only]
