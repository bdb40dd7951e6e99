"""Backups of the embedded database: taken under load, whole, and put back only where nobody is."""

import datetime as dt
import re
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.databases import only_postgresql
from tests.running import Vigie, Vigies
from tests.vigie.test_serving import ask
from vigie.cli import app

BATCH = 50


def command(vigie: Vigie, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vigie.cli", *arguments],
        env=vigie._environment,
        cwd=vigie._folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Load:
    """Sends until it is told to stop; remembers which ids were answered, and when each answer had come."""

    def __init__(self, vigie: Vigie) -> None:
        self._vigie = vigie
        self._stop = threading.Event()
        self.answered: list[tuple[dt.datetime, list[str]]] = []
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        number = 0
        while not self._stop.is_set():
            ids = [f"{number}-{place}" for place in range(BATCH)]
            number += 1
            events = [{"type": "usage", "id": name, "time": "2026-11-01T00:00:00Z", "model": "gpt-4"} for name in ids]
            answer = ask(f"{self._vigie.url}/v1/events", {"events": events}, **self._vigie.headers)
            assert answer.json["accepted"] == BATCH
            self.answered.append((dt.datetime.now(dt.UTC), ids))


def test_a_backup_under_load_holds_what_was_answered_before_its_time(vigies: Vigies, tmp_path: Path) -> None:
    vigie = vigies.start()
    backup, elsewhere = tmp_path / "backup.db", tmp_path / "elsewhere"
    with Load(vigie) as load:
        time.sleep(0.5)
        made = command(vigie, "backup", str(backup), "--with-key")
        again = command(vigie, "backup", str(backup))
        in_use = command(vigie, "restore", str(backup), "--force")
    assert made.returncode == 0, made.stderr
    assert "is there already" in again.stderr
    assert "stop it first" in in_use.stderr
    as_of = dt.datetime.fromisoformat(re.findall(r"as of (\S+);", made.stdout)[0])
    assert backup.stat().st_mode & 0o777 == 0o600

    vigie._environment["VIGIE_DATA_DIR"] = str(elsewhere)
    restored = command(vigie, "restore", str(backup))
    assert restored.returncode == 0, restored.stderr
    with sqlite3.connect(elsewhere / "vigie.db") as connection:
        stored = {row[0] for row in connection.execute("SELECT id FROM usage_events")}
    due = {name for answered_at, ids in load.answered if answered_at <= as_of for name in ids}
    assert due
    assert due <= stored
    assert len(stored) % BATCH == 0
    assert (elsewhere / "encryption.key").read_text() == (vigie._folder / "data" / "encryption.key").read_text()

    vigie.terminate()
    vigie.start()  # on the restored data
    document = {"query": '{ metrics(period: {last: "P365D"}) { usage { totals { requests } } } }'}
    answer = ask(f"{vigie.url}/graphql", document, **vigie.headers).json
    assert answer["data"]["metrics"]["usage"]["totals"]["requests"] == len(stored)
    vigie.terminate()

    refused = command(vigie, "restore", str(backup))
    assert "There is a database" in refused.stderr
    replaced = command(vigie, "restore", str(backup), "--force")
    assert replaced.returncode == 0, replaced.stderr
    assert re.search(r"vigie\.db\.before-", replaced.stdout)
    assert list(elsewhere.glob("vigie.db.before-*"))


@pytest.mark.parametrize("content", [b"", b"no database", None])
def test_what_is_no_backup_is_not_restored(
    tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", f"sqlite:///{tmp_path / 'new' / 'vigie.db'}")
    file = tmp_path / "backup"
    if content is None:
        sqlite3.connect(file).execute("CREATE TABLE t (a)").connection.close()
    else:
        file.write_bytes(content)
    result = CliRunner().invoke(app, ["restore", str(file)])
    assert result.exit_code == 1
    assert "is no database of Vigie's" in result.stderr
    assert not (tmp_path / "new").exists()


@only_postgresql
def test_postgresql_has_tools_of_its_own(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    result = CliRunner().invoke(app, ["backup", str(tmp_path / "backup")])
    assert result.exit_code == 1
    assert "pg_dump" in result.stderr
