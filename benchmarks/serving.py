"""The real `vigie serve` for benchmarks, in a process and a folder of its own."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_port

PATIENCE = 120.0
# What one transaction may hold is no setting: here it is changed before the server starts.
SERVE = """
import sys
from resolvers.events import writer
writer.MOST_ROWS = int(sys.argv.pop())
from vigie.cli import app
app()
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers, and its admin key."""

    address: tuple[str, int]
    key: str
    pid: int


@contextmanager
def serving(database_url: str, key: str, *, rows_a_transaction: int = 5_000) -> Iterator[Served]:
    """A Vigie on this database. With 1 row a transaction every request has a transaction of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="vigie-benchmark-") as folder, (Path(folder) / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve", str(rows_a_transaction)],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")},
                "VIGIE_PORT": str(port),
                "VIGIE_DATA_DIR": folder,
                "VIGIE_DATABASE_URL": database_url,
                "VIGIE_ADMIN_KEY": key,
                "VIGIE_DRAIN_SECONDS": "0",
            },
            stdout=log,
            stderr=log,
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while not _ready(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"Vigie did not become ready:\n{log.read()}")
                time.sleep(0.1)
            yield Served(("127.0.0.1", port), key, process.pid)
        finally:
            process.terminate()
            process.wait()


def new_key() -> str:
    """The text of an admin key."""
    return f"benchmark-{secrets.token_hex(16)}"


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
