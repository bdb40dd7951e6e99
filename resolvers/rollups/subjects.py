"""Sets of subjects: names are numbered once per project, and a set of numbers is a Roaring bitmap."""

from collections.abc import Collection, Iterable, Iterator

from pyroaring import BitMap
from sqlalchemy import and_, func, insert, select

from models import ReadSession, Subject, WriteSession
from resolvers.rollups.given import given_rows
from resolvers.rollups.upserts import table_of


async def known_numbers(session: ReadSession, *, project_id: int, names: Collection[str]) -> dict[str, int]:
    """The numbers of those names that have one."""
    if not names:
        return {}
    given, (name,) = given_rows([table_of(Subject).c.name], [(name,) for name in names], session.dialect)
    rows = await session.rows(
        select(Subject.name, Subject.number)
        .select_from(given)
        .outerjoin(Subject, and_(Subject.project_id == project_id, Subject.name == name))
    )
    return {name: number for name, number in rows if name is not None}


async def numbers_of(session: WriteSession, *, project_id: int, names: Collection[str]) -> dict[str, int]:
    """The numbers of all the names; those without one get the next. Call it under the lease of `series` only."""
    numbers = await known_numbers(session, project_id=project_id, names=names)
    if missing := sorted(set(names) - numbers.keys()):
        last = await session.scalar(select(func.max(Subject.number)).where(Subject.project_id == project_id)) or 0
        added = {name: number for number, name in enumerate(missing, last + 1)}
        rows = [{"project_id": project_id, "number": number, "name": name} for name, number in added.items()]
        await session.run_many(insert(Subject), rows)
        numbers |= added
    return numbers


def to_bytes(members: BitMap) -> bytes:
    """The stored form of a set: a serialized bitmap, empty for the empty set."""
    members.run_optimize()
    return members.serialize() if members else b""


def from_bytes(stored: bytes | None) -> BitMap:
    """The set of a stored form."""
    return BitMap.deserialize(stored) if stored else BitMap()


def union_of(framed: Iterable[bytes]) -> BitMap:
    """The union of stored sets that `framed_bytes` put together, each behind its length."""
    return BitMap.union(BitMap(), *(from_bytes(stored) for frames in framed for stored in _unframed(frames)))


def _unframed(frames: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(frames):
        end = start + 4 + int.from_bytes(frames[start : start + 4], "big")
        yield frames[start + 4 : end]
        start = end
