"""What holds keys and events is nobody else's to read."""

import os
import sqlite3
from pathlib import Path

from vigie.files import make_private


def test_a_new_file_and_its_folder_are_private(tmp_path: Path) -> None:
    file = tmp_path / "data" / "vigie.db"
    before = os.umask(0o000)
    try:
        make_private(file)
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (a)")
    finally:
        os.umask(before)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (file.parent, *file.parent.iterdir())}
    connection.close()
    assert modes == {"data": "0o700", "vigie.db": "0o600", "vigie.db-wal": "0o600", "vigie.db-shm": "0o600"}


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "vigie.db"
    file.write_text("kept")
    file.chmod(0o640)
    tmp_path.chmod(0o755)
    make_private(file)
    assert file.read_text() == "kept"
    assert (file.stat().st_mode & 0o777, tmp_path.stat().st_mode & 0o777) == (0o640, 0o755)
