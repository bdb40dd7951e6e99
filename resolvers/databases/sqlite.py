"""What SQLite tells about its file."""

from dataclasses import dataclass
from pathlib import Path

from models import ReadSession
from resolvers.storage.room import pragma


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """Sizes in bytes; `pages` counts those that are free again too."""

    file_bytes: int
    wal_bytes: int
    page_bytes: int
    pages: int
    free_pages: int


async def read_file(session: ReadSession, path: Path) -> SqliteFile:
    """How large the file and its write-ahead log are, and what of the file is used."""
    return SqliteFile(
        file_bytes=_size(path),
        wal_bytes=_size(path.with_name(f"{path.name}-wal")),
        page_bytes=await pragma(session, "page_size"),
        pages=await pragma(session, "page_count"),
        free_pages=await pragma(session, "freelist_count"),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
