"""An embedded database belongs to one server at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vigie.files import make_private


class AlreadyServed(Exception):  # noqa: N818 — a state of affairs
    """Another process serves this database; `pid` is its number, when it is known."""

    def __init__(self, pid: str) -> None:
        super().__init__(pid)
        self.pid = pid


@contextmanager
def only_server(database: Path) -> Iterator[None]:
    """Holds the lock of a SQLite file; the system frees it however the process ends. Raises AlreadyServed."""
    make_private(database)
    with database.with_name(f"{database.name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyServed(file.read().strip()) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
