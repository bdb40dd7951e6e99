"""Bugs by their number."""

from collections.abc import Collection

from sqlalchemy import select, tuple_

from models import Bug, ReadSession

LARGEST_NUMBER = 2**31 - 1


async def get_bug(session: ReadSession, *, project_id: int, number: int) -> Bug | None:
    """The bug of that number in the project."""
    return (await bugs_by_number(session, [(project_id, number)])).get((project_id, number))


async def bugs_by_number(session: ReadSession, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], Bug]:
    """The bugs with these project ids and numbers."""
    possible = [key for key in keys if 0 < key[1] <= LARGEST_NUMBER]
    rows = await session.scalars(select(Bug).where(tuple_(Bug.project_id, Bug.number).in_(possible)))
    return {(row.project_id, row.number): row for row in rows}


async def original_of(session: ReadSession, bug: Bug) -> Bug:
    """The bug itself or, of a duplicate, the one that is no duplicate at the end."""
    while bug.duplicate_of is not None:
        original = await get_bug(session, project_id=bug.project_id, number=bug.duplicate_of)
        if original is None:
            raise LookupError(f"bug {bug.number} is a duplicate of bug {bug.duplicate_of}, which is not there")
        bug = original
    return bug
