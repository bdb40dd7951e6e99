"""The lease under which roll-ups change: the row of their watermark, locked until the transaction ends.

On SQLite the write transaction itself is the lease: there is one at a time.
"""

from collections.abc import Sequence

from sqlalchemy import Select, select, update

from models import Watermark, WriteSession

SERIES = "series"
SUBJECTS = "subjects"


async def try_lease(session: WriteSession, name: str, *, project_id: int) -> int | None:
    """Takes one watermark if nobody holds it; answers how far it has come, or None: somebody is at work, or no such."""
    rows = await session.execute(_watermarks(project_id, [name]).with_for_update(skip_locked=True))
    return rows[0].seq if rows else None


async def lease_all(session: WriteSession, *, project_id: int) -> dict[str, int]:
    """Waits for both watermarks; answers how far each has come. Raises LookupError for an unknown project."""
    rows = await session.execute(_watermarks(project_id, [SERIES, SUBJECTS]).with_for_update())
    if not rows:
        raise LookupError(f"project {project_id} has no watermarks")
    return {row.name: row.seq for row in rows}


async def move_watermark(session: WriteSession, name: str, *, project_id: int, after: int, to: int) -> None:
    """Moves a watermark that stands at `after`. Raises RuntimeError, which undoes all, when it stands elsewhere."""
    moved = await session.run(
        update(Watermark)
        .where(Watermark.project_id == project_id, Watermark.name == name, Watermark.seq == after)
        .values(seq=to)
    )
    if moved != 1:
        raise RuntimeError(f"the watermark {name} of project {project_id} moved under its lease")


def _watermarks(project_id: int, names: Sequence[str]) -> Select[str, int]:
    return (
        select(Watermark.name, Watermark.seq)
        .where(Watermark.project_id == project_id, Watermark.name.in_(names))
        .order_by(Watermark.name)
    )
