"""Members: whom a project knows by the name in their token, and the role that it gives them."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import and_, delete, func, select, tuple_

from models import Member, Project, ReadSession, WriteSession
from resolvers.audit_entries import changes, record_audit_entry
from resolvers.errors import Invalid, LimitReached, NotFound
from resolvers.locks import lock_project
from resolvers.principals import Role

MOST_NAME_CHARACTERS: Final = 255
MOST_MEMBERS: Final = 10_000
MOST_NAMED: Final = 1000
"""Members that one statement asks for."""

Place = tuple[int, str]
"""Where a member is: the project and the name."""


async def save_member(session: WriteSession, *, project_id: int, name: str, role: Role, actor: str) -> Member:
    """Adds a member, or gives one another role. Raises Invalid for the name, LimitReached for one too many.

    The caller tells the authenticator after the commit, so that it holds at once in this process.
    """
    name, now = name.strip(), dt.datetime.now(dt.UTC)
    if not is_name(name):
        raise Invalid(f"A member's name has 1 to {MOST_NAME_CHARACTERS} printable characters.", field="name")
    await lock_project(session, project_id=project_id)
    member = await get_member(session, project_id=project_id, name=name)
    before = {"role": member.role} if member else None
    if member is None:
        if await count_members(session, project_id=project_id) >= MOST_MEMBERS:
            raise LimitReached(f"The project has {MOST_MEMBERS:,} members: remove some first.")
        member = Member(project_id=project_id, name=name, created_at=now)
        session.add(member)
    member.role, member.updated_at = role.value, now
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="member.saved",
        target=f"member:{name}",
        details=changes(before, {"role": role.value}),
    )
    return member


async def remove_member(session: WriteSession, *, project_id: int, name: str, actor: str) -> None:
    """Takes a member out of the project. Raises NotFound. What `save_member` says of the authenticator holds too."""
    await lock_project(session, project_id=project_id)
    member = await get_member(session, project_id=project_id, name=name) if is_name(name) else None
    if member is None:
        raise NotFound("There is no such member in this project.", field="name")
    await session.run(delete(Member).where(Member.project_id == project_id, Member.name == name))
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="member.removed",
        target=f"member:{name}",
        details={"before": {"role": member.role}},
    )


async def get_member(session: ReadSession, *, project_id: int, name: str) -> Member | None:
    """The member of that name."""
    return await session.scalar(select(Member).where(Member.project_id == project_id, Member.name == name))


async def list_members(
    session: ReadSession, *, project_id: int, limit: int, after: str | None = None
) -> Sequence[Member]:
    """At most `limit` members in the order of names, behind the name `after`."""
    members = select(Member).where(Member.project_id == project_id).order_by(Member.name).limit(limit)
    return await session.scalars(members if after is None else members.where(Member.name > after))


async def count_members(session: ReadSession, *, project_id: int) -> int:
    """How many members the project has."""
    return await session.scalar(select(func.count()).where(Member.project_id == project_id)) or 0


async def members_by_place(session: ReadSession, places: Collection[Place]) -> dict[Place, Member]:
    """The members at some places; places without one are left out."""
    waiting, found = list(places), dict[Place, Member]()
    while waiting:
        some, waiting = waiting[:MOST_NAMED], waiting[MOST_NAMED:]
        rows = await session.scalars(select(Member).where(tuple_(Member.project_id, Member.name).in_(some)))
        found |= {(row.project_id, row.name): row for row in rows}
    return found


async def projects_of(
    session: ReadSession, *, name: str, project: str | None
) -> Sequence[tuple[Project, Member | None]]:
    """The project of that name, and who is called `name` in it; without a name of a project, those that have such a
    member, two at most."""
    if project is None:
        joined = select(Project, Member).join(Member, Member.project_id == Project.id).where(Member.name == name)
        return [(row, member) for row, member in await session.rows(joined.limit(2))]
    of_that_name = and_(Member.project_id == Project.id, Member.name == name)
    asked = select(Project, Member).outerjoin(Member, of_that_name).where(Project.name == project)
    return [(row, member) for row, member in await session.rows(asked)]


def is_name(text: str) -> bool:
    """Whether somebody can be called that."""
    return 1 <= len(text) <= MOST_NAME_CHARACTERS and text.isprintable()
