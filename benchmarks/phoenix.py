"""Vigie beside Arize Phoenix: the same spans by OTLP over HTTP, each on its embedded SQLite, one after the other.

    uv venv /tmp/phoenix && uv pip install --python /tmp/phoenix/bin/python arize-phoenix
    python -m benchmarks.phoenix /tmp/phoenix/bin/phoenix

Phoenix answers when it has queued the spans, so what counts is the time until the last one is stored: its database is
asked. Vigie answers after the commit. Requests have 500 spans and come over four connections.

Limits: the two do different work. Phoenix keeps whole spans with all their attributes, and prices them afterwards;
Vigie keeps calls, priced, numbered and rolled up. It says which of the two an exporter would wait for, and no more.
"""

import argparse
import os
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import uvloop

from benchmarks.load import DOORS, send
from benchmarks.serving import new_key, serving
from benchmarks.traffic import span_batches
from tests.servers import free_port

SIZE = 500
CONNECTIONS = 4
SUBJECTS = 500
PATIENCE = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phoenix", type=Path, help="Phoenix's program, in an environment of its own")
    parser.add_argument("--spans", type=int, default=20_000, help="spans to send to each (default: 20000)")
    arguments = parser.parse_args()
    bodies = span_batches(seed=1, number=arguments.spans // SIZE, size=SIZE, subjects=SUBJECTS)
    with tempfile.TemporaryDirectory(prefix="vigie-phoenix-") as folder:
        key = new_key()
        with serving(f"sqlite:///{folder}/vigie.db", key) as served:
            vigie = _rate(served.address, key, bodies, Path(folder) / "vigie.db", "usage_events")
        with _phoenix(arguments.phoenix, Path(folder)) as address:
            phoenix = _rate(address, key, bodies, Path(folder) / "phoenix.db", "spans")
    print(f"spans stored a second: Vigie {vigie:,.0f}, Phoenix {phoenix:,.0f}; {vigie / phoenix:.1f} times as many")


def _rate(address: tuple[str, int], key: str, bodies: list[bytes], database: Path, table: str) -> float:
    """Spans a second, from the first request to the last row."""
    started = time.monotonic()
    sent = uvloop.run(send(address, key, bodies, CONNECTIONS, DOORS["otlp"], size=SIZE))
    expected = len(bodies) * SIZE
    if sent.events != expected:
        raise RuntimeError(f"{expected} spans were sent, and this came of them: {sent}")
    while (stored := _count(database, table)) < expected:
        if time.monotonic() - started > PATIENCE:
            raise RuntimeError(f"{stored} of {expected} spans are stored after {PATIENCE:.0f} s")
        time.sleep(0.05)
    return expected / (time.monotonic() - started)


def _count(database: Path, table: str) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


@contextmanager
def _phoenix(program: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """A Phoenix that answers, with its database in this folder."""
    port, grpc = free_port(), free_port()
    environment = {
        **os.environ,
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with (folder / "phoenix.log").open("w+") as log:
        process = subprocess.Popen([program, "serve"], env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + PATIENCE
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"Phoenix did not start:\n{log.read()}")
                time.sleep(0.2)
            yield "127.0.0.1", port
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    main()
