"""`vigie backup` and `vigie restore`: the embedded database as a file, and back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from vigie.backups import BackupError, back_up, examine
from vigie.backups import restore as put_back
from vigie.cli.output import errors, fail, out
from vigie.encryption import KEY_FILE
from vigie.lock import AlreadyServed, only_server
from vigie.settings import Settings, load_settings
from vigie.urls import sqlite_file, without_password


def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes.", show_default=False)],
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Copy the key file of stored secrets too, as FILE.key.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Copy the embedded database, while Vigie runs.

    The copy is of one moment and opens by itself. It holds every event that was answered before the time that is
    printed. Of PostgreSQL its own tools make backups: pg_dump, pg_basebackup.
    """
    settings = load_settings()
    database = _embedded(settings)
    if not database.exists():
        fail(f"There is no database at {database}.", "set VIGIE_DATA_DIR to the folder of the Vigie that runs")
    if file.exists() and (not force or file.samefile(database)):
        fail(f"{file} is there already.", "choose another name, or replace it with --force")
    key = settings.data_dir / KEY_FILE
    if with_key and not key.exists():
        fail(f"There is no key file at {key}.", "the key is VIGIE_ENCRYPTION_KEY then: keep it with your other secrets")
    with bar(f"{database} → {file}") as progress:
        task = progress.add_task("pages", total=None)
        try:
            contents = back_up(
                database,
                file,
                key=key if with_key else None,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        except BackupError as error:
            fail(f"{error}.")
    as_of = "before the first event" if contents.as_of is None else f"as of {contents.as_of.isoformat()}"
    out.print(f"{file}: {contents.facts:,} facts, {as_of}; checked.", markup=False)
    if not with_key and key.exists():
        errors.print("Stored secrets cannot be read without the key: keep it apart, or add --with-key.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `vigie backup` made.", show_default=False)],
    force: Annotated[
        bool, typer.Option("--force", help="Though there is a database: it is kept under another name.")
    ] = False,
) -> None:
    """Put a backup in the place of the embedded database, while Vigie is stopped."""
    settings = load_settings()
    database = _embedded(settings)
    if not file.exists():
        fail(f"{file} is not there.")
    if database.exists() and database.samefile(file):
        fail(f"{file} is the database itself.")
    occupied = database.exists() and database.stat().st_size > 0
    try:
        contents = examine(file)
        with only_server(database):
            if occupied and not force:
                fail(f"There is a database at {database}.", "add --force: it is kept under another name")
            with bar(f"{file} → {database}") as progress:
                task = progress.add_task("pages", total=None)
                aside = put_back(
                    file,
                    database,
                    data_dir=settings.data_dir,
                    progress=lambda done, total: progress.update(task, completed=done, total=total),
                )
    except AlreadyServed as served:
        fail(f"A Vigie (process {served.pid or 'unknown'}) serves {database}.", "stop it first")
    except BackupError as error:
        fail(f"{error}.")
    for moved in aside:
        if moved.stat().st_size:
            out.print(f"What was there is {moved}.", markup=False)
        else:
            moved.unlink()
    as_of = "before the first event" if contents.as_of is None else f"as of {contents.as_of.isoformat()}"
    out.print(f"{database}: {contents.facts:,} facts, {as_of}.", markup=False)


def _embedded(settings: Settings) -> Path:
    """The file of the embedded database; ends the command when there is a server instead."""
    file = sqlite_file(settings.database)
    if file is None:
        fail(
            f"{without_password(settings.database)} is a server: its own tools back it up.",
            "pg_dump and pg_restore, or pg_basebackup; keep VIGIE_ENCRYPTION_KEY too",
        )
    return file


def bar(title: str) -> Progress:
    """A progress bar on standard error; where that is no terminal, nothing."""
    columns = (TextColumn(title, markup=False), BarColumn(), TaskProgressColumn())
    return Progress(*columns, console=errors, disable=not errors.is_terminal)
