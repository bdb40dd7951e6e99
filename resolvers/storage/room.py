"""How much room the database's disk has left, and when ingest has to stop before it is full."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import Gauge
from sqlalchemy import ColumnElement, Integer, case, func, literal_column, select

from models import Database, ReadSession

LOOK_SECONDS: Final = 5.0
NEAR: Final = frozenset({None, "", "localhost", "127.0.0.1", "::1"})
MIB: Final = 1 << 20

LEFT: Final = Gauge("vigie_storage_free_bytes", "What the database's disk has free, where Vigie can see it.")


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of the database's disk. Space inside a SQLite file that can be used again counts as free."""

    free: int
    total: int


class Reserve:
    """Looks how much room there is, and refuses ingest when less than a reserve is left.

    The disk of a SQLite file can be seen, that of PostgreSQL only on this machine, when Vigie's role and user may
    (`pg_read_all_settings`, and the data folder). Elsewhere the server's own refusal has to do.
    """

    def __init__(self, database: Database, reserve_bytes: int) -> None:
        self._database = database
        self.bytes = reserve_bytes
        self.room: Room | None = None

    @property
    def refusal(self) -> str | None:
        """Why nothing can be taken in now; None while there is room, as far as anybody knows."""
        if self.room is None or self.room.free >= self.bytes:
            return None
        return (
            f"The database's disk has {self.room.free / MIB:,.0f} MiB left, and {self.bytes / MIB:,.0f} MiB are kept "
            "free: its operator has to make room."
        )

    async def look(self) -> None:
        """Sees how much room there is now."""
        async with self._database.read() as session:
            if session.dialect == "sqlite":
                folder: Path | None = Path(self._database.url.database or "").parent
                unused = await unused_bytes(session)
            else:
                folder, unused = await self._folder_of_server(session), 0
        self.room = None if folder is None else await asyncio.to_thread(_room, folder, unused)
        if self.room is not None:
            LEFT.set(self.room.free)

    async def _folder_of_server(self, session: ReadSession) -> Path | None:
        if self._database.url.host not in NEAR:
            return None
        may = func.pg_has_role("pg_read_all_settings", "USAGE")
        folder = await session.scalar(select(case((may, func.current_setting("data_directory")))))
        return Path(folder) if folder else None


async def unused_bytes(session: ReadSession) -> int:
    """What a SQLite file has inside that is free again."""
    return await pragma(session, "freelist_count") * await pragma(session, "page_size")


async def database_bytes(session: ReadSession) -> int:
    """What the whole database takes, without what is free inside a SQLite file."""
    if session.dialect == "postgresql":
        return await session.scalar(select(func.pg_database_size(func.current_database()))) or 0
    used = await pragma(session, "page_count") - await pragma(session, "freelist_count")
    return used * await pragma(session, "page_size")


async def pragma(session: ReadSession, name: str) -> int:
    """A number that SQLite tells of a file."""
    told = getattr(func, f"pragma_{name}")()
    column: ColumnElement[int] = literal_column(name, Integer)
    return await session.scalar(select(column).select_from(told.table_valued(name))) or 0


def _room(folder: Path, unused: int) -> Room | None:
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return None
    return Room(disk.free + unused, disk.total)
