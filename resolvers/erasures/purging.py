"""What a file of SQLite still holds of rows that are gone.

Vigie's connections overwrite what they delete (`secure_delete`), but pages as they were before stay in the write-ahead
log until it is reset. PostgreSQL keeps dead rows until VACUUM, and its log and backups for as long as they are kept.
"""

import asyncio
import sqlite3
from contextlib import closing

import structlog

from models import Database

SECONDS = 5.0

log = structlog.get_logger(__name__)


async def purge(database: Database) -> None:
    """Takes everything into the database's file and empties its log. Waits a few seconds for those who read it."""
    if database.dialect == "sqlite":
        async with database.write_lock:
            if not await asyncio.to_thread(_reset, database.url.database or ""):
                log.warning("the write-ahead log still holds what was erased, until readers let it be reset")


def _reset(file: str) -> bool:
    with closing(sqlite3.connect(file, timeout=SECONDS, isolation_level=None)) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
