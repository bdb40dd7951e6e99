"""Copies of the embedded database, taken while it is in use, and put back while it is not.

A backup is a SQLite file that opens by itself. Beside it lie, with a further suffix, the file of the jobs that send
notifications, and the key of stored secrets when it was asked for.
"""

import datetime as dt
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.base import from_microseconds
from vigie.encryption import KEY_FILE
from vigie.files import jobs_file

JOBS: Final = ".jobs"
KEY: Final = ".key"
PAGES_AT_ONCE: Final = 2000
BUSY_SECONDS: Final = 30.0
JOURNALS: Final = ("-wal", "-shm", "-journal")

Progress = Callable[[int, int], None]
"""Hears how many of how many pages are copied."""


class BackupError(Exception):
    """What stands in the way, in a sentence."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds: the time of the last commit in it (None before the first), and how many facts were taken."""

    as_of: dt.datetime | None
    facts: int


def back_up(database: Path, target: Path, *, progress: Progress, key: Path | None = None) -> Contents:
    """Copies the database as it is at one moment, whoever writes meanwhile, and checks the copy.

    `key` is copied beside it. Files that are there already are replaced once the copy is whole. Raises BackupError.
    """
    with _made(target) as draft:
        _copy(database, draft, progress)
        contents = examine(draft)
    jobs = jobs_file(database)
    if jobs.exists():
        with _made(_beside(target, JOBS)) as draft:
            _copy(jobs, draft, lambda done, total: None)
    if key is not None:
        with _made(_beside(target, KEY)) as draft:
            shutil.copyfile(key, draft)
    return contents


def restore(backup: Path, database: Path, *, data_dir: Path, progress: Progress) -> list[Path]:
    """Puts a backup in the place of the database; answers the files that were there, under their new names.

    Nobody may have the database open. Raises BackupError, and then nothing has changed.
    """
    aside: list[Path] = []
    suffix = f".before-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}"
    places = [
        (backup, database),
        (_beside(backup, JOBS), jobs_file(database)),
        (_beside(backup, KEY), data_dir / KEY_FILE),
    ]
    drafts = []
    try:
        for source, place in places:
            if source.exists():
                draft = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
                _touch(draft)
                drafts.append((draft, place))
                if source == backup:
                    _copy(source, draft, progress)
                else:
                    shutil.copyfile(source, draft)
    except (OSError, sqlite3.Error) as error:
        for draft, _ in drafts:
            draft.unlink(missing_ok=True)
        raise BackupError(f"{backup} cannot be restored: {error}") from error
    # A journal belongs to its database: whoever opened the new one with the old journal would destroy it.
    for place in (database, jobs_file(database)):
        for journal in JOURNALS:
            _set_aside(place.with_name(place.name + journal), suffix, aside)
    _set_aside(jobs_file(database), suffix, aside)
    for draft, place in drafts:
        _set_aside(place, suffix, aside)
        draft.rename(place)
    return aside


def examine(backup: Path) -> Contents:
    """Looks whether a file is a whole database of Vigie's. Raises BackupError."""
    try:
        with closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise BackupError(f"{backup} is damaged: {found}")
            newest, facts = connection.execute(
                "SELECT (SELECT max(committed_at) FROM commits), (SELECT sum(last_seq) FROM counters)"
            ).fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"{backup} is no database of Vigie's: {error}") from error
    return Contents(None if newest is None else from_microseconds(newest), facts or 0)


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """Copies a database page by page. The open read keeps the source at one moment, while others write on."""
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as reading,
        closing(sqlite3.connect(target, timeout=BUSY_SECONDS)) as writing,
    ):
        reading.isolation_level = None
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(writing, pages=PAGES_AT_ONCE, progress=lambda _, left, total: progress(total - left, total))
        reading.execute("ROLLBACK")
        # A copy that opens by itself, without a journal beside it.
        writing.execute("PRAGMA journal_mode=DELETE")


@contextmanager
def _made(target: Path) -> Iterator[Path]:
    """A private file beside the target, which takes its place at the end, and only when all went well."""
    draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    try:
        _touch(draft)
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{target} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _touch(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)


def _set_aside(file: Path, suffix: str, aside: list[Path]) -> None:
    if file.exists():
        moved = file.with_name(file.name + suffix)
        file.rename(moved)
        aside.append(moved)


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)
