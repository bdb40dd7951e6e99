"""Brings a database to the present schema."""

from enum import Enum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from models import Database

LOCK = 0x7669676965  # "vigie": one process migrates, the others wait for it


def scripts() -> Path:
    """Where the migrations lie: inside the package when it was installed from a wheel, else in the checkout."""
    packaged = Path(__file__).parent / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "alembic"


def config(connection: Connection | None = None) -> Config:
    """An Alembic configuration for our scripts, run on the given connection."""
    made = Config()
    made.set_main_option("script_location", str(scripts()))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


async def migrate(database: Database) -> None:
    """Upgrades to the newest revision, in one transaction behind a lock."""

    def upgrade(connection: Connection) -> None:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        command.upgrade(config(connection), "head")

    async with database.engine.begin() as connection:
        await connection.run_sync(upgrade)


class Revision(Enum):
    """Where a database stands."""

    CURRENT = "at the newest revision"
    BEHIND = "migrations are missing"
    FOREIGN = "at a revision that this Vigie does not know"


async def revision(database: Database) -> Revision:
    """Where the database stands, seen from the migrations of this Vigie."""
    known = ScriptDirectory.from_config(config())
    async with database.engine.connect() as connection:
        found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    if found == known.get_current_head():
        return Revision.CURRENT
    return (
        Revision.BEHIND
        if found in {None, *(script.revision for script in known.walk_revisions())}
        else Revision.FOREIGN
    )
