"""Drafts a migration: what the models have that a migrated, empty SQLite database lacks.

    make migration m="bugs and their comments"

Read the draft before you commit it: a rename looks like a drop and an add.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from models import Database
from vigie.migrate import migrate


async def draft(message: str) -> None:
    """Writes the next numbered revision into `alembic/versions`."""
    config = Config(Path(__file__).parent.parent / "alembic.ini")

    def revise(connection: Connection) -> None:
        config.attributes["connection"] = connection
        number = sum(1 for _ in ScriptDirectory.from_config(config).walk_revisions()) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")

    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/draft.db")
        try:
            await migrate(database)
            async with database.engine.connect() as connection:
                await connection.run_sync(revise)
        finally:
            await database.close()


if __name__ == "__main__":
    if not sys.argv[1]:
        sys.exit('Say what the migration does: make migration m="bugs and their comments"')
    asyncio.run(draft(sys.argv[1]))
