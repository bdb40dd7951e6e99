"""The doctor finds what is wrong, and says what to do."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from models import Database
from tests.databases import only_sqlite
from tests.running import Vigies
from tests.servers import free_port
from vigie.cli import app
from vigie.settings import Settings

Run = Callable[[], Result]


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> Run:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"VIGIE_{name.upper()}", raising=False)
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    monkeypatch.setenv("VIGIE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("VIGIE_PORT", str(free_port()))
    return lambda: CliRunner().invoke(app, ["doctor"])


@pytest.fixture
def stranger() -> Iterator[int]:
    """A port where something answers that is no Vigie."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server.getsockname()[1]


def verdicts(result: Result) -> dict[str, str]:
    lines = re.findall(r"^(ok|warn|fail) +(.+?)  ", result.stdout, re.MULTILINE)
    return {what: verdict for verdict, what in lines}


def test_all_is_well(doctor: Run, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    monkeypatch.setenv("VIGIE_REDIS_URL", redis_url)
    result = doctor()
    assert result.exit_code == 0, result.output
    found = verdicts(result)
    assert found["database"] == found["schema"] == found["settings"] == found["data folder"] == "ok"
    assert "fail" not in found.values()


def test_a_misspelt_setting_is_a_warning(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_DATABSE_URL", "x")
    result = doctor()
    assert result.exit_code == 0
    assert "VIGIE_DATABSE_URL" in result.stdout


def test_wrong_settings_are_findings(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_PORT", "eighty")
    monkeypatch.setenv("VIGIE_ADMIN_KEY", "hunter2")
    result = doctor()
    assert result.exit_code == 1
    assert verdicts(result) == {"VIGIE_PORT": "fail", "VIGIE_ADMIN_KEY": "fail"}
    assert "hunter2" not in result.output


@only_sqlite
def test_keys_of_tokens_are_looked_for(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdicts(doctor())["tokens"] == "ok"
    monkeypatch.setenv("VIGIE_JWT_JWKS_URL", "http://127.0.0.1:1/jwks")
    monkeypatch.setenv("VIGIE_JWT_ISSUER", "https://login.example.com")
    monkeypatch.setenv("VIGIE_JWT_AUDIENCE", "vigie")
    result = doctor()
    assert result.exit_code == 1
    assert verdicts(result)["tokens"] == "fail"
    monkeypatch.delenv("VIGIE_JWT_AUDIENCE")
    assert "VIGIE_JWT_AUDIENCE" in doctor().stdout


@only_sqlite
def test_what_does_not_answer_fails(doctor: Run, monkeypatch: pytest.MonkeyPatch, stranger: int) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", "postgresql://vigie:hunter2@127.0.0.1:1/vigie")
    monkeypatch.setenv("VIGIE_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
    monkeypatch.setenv("VIGIE_PORT", str(stranger))
    monkeypatch.setattr("vigie.diagnosis.PATIENCE", 0.5)
    result = doctor()
    assert result.exit_code == 1
    found = verdicts(result)
    assert (found["database"], found["Redis"], found[f"port {stranger}"]) == ("fail", "fail", "fail")
    assert "hunter2" not in result.output


@only_sqlite
def test_a_folder_that_cannot_be_written_fails(doctor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VIGIE_DATA_DIR", str(tmp_path / "file" / "data"))
    result = doctor()
    assert result.exit_code == 1
    assert verdicts(result)["data folder"] == "fail"


@only_sqlite
def test_a_database_that_is_not_there_yet_is_a_warning(
    doctor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    assert verdicts(doctor())["database"] == "warn"
    assert not (tmp_path / "new.db").exists()


@pytest.mark.anyio
@pytest.mark.parametrize(("revision", "verdict"), [(None, "warn"), ("9999", "fail")])
async def test_another_schema_is_noticed(doctor: Run, database: Database, revision: str | None, verdict: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))
        if revision:
            await connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
    result = await anyio_run(doctor)
    assert verdicts(result)["schema"] == verdict


async def anyio_run(doctor: Run) -> Result:
    """Beside the test's loop: the doctor has one of its own."""
    from anyio.to_thread import run_sync

    return await run_sync(doctor)


def test_a_running_vigie_is_recognised(
    doctor: Run, vigies: Vigies, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url)
    monkeypatch.setenv("VIGIE_PORT", vigie.url.rpartition(":")[2])
    monkeypatch.setenv("VIGIE_ENCRYPTION_KEY", "of every process")
    result = doctor()
    assert result.exit_code == 0, result.output
    assert "Vigie answers" in result.stdout
    assert set(verdicts(result).values()) == {"ok"}


@only_sqlite
def test_the_key_of_secrets_is_looked_at(doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "data" / "encryption.key"
    assert verdicts(doctor())["secrets' key"] == "ok"
    file.parent.mkdir()
    for text_in_it, mode, verdict in (
        ("secret-of-tests", 0o600, "ok"),
        ("secret-of-tests", 0o644, "warn"),
        ("", 0o600, "fail"),
    ):
        file.write_text(text_in_it)
        file.chmod(mode)
        result = doctor()
        assert verdicts(result)["secrets' key"] == verdict
        assert "secret-of-tests" not in result.output
    monkeypatch.setenv("VIGIE_ENCRYPTION_KEY", "secret-of-tests-too")
    assert verdicts(doctor())["secrets' key"] == "ok"
