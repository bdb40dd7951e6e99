"""Files that belong to one user."""

from pathlib import Path
from typing import Final

JOBS_SUFFIX: Final = ".jobs.db"


def make_private(file: Path) -> None:
    """Makes an empty file, and its folder, that only this user may read. What is there already stays as it is."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)


def jobs_file(database: Path) -> Path:
    """Where the jobs lie that belong to an embedded database: beside it."""
    return database.resolve().with_suffix(JOBS_SUFFIX)
