"""Brings a database to the present schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
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
