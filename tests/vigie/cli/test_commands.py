"""Commands on a database of their own, as a person types them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vigie.cli import app
from vigie.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> Run:
    """Runs `vigie …` on the test's own migrated database."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"VIGIE_{name.upper()}", raising=False)
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    monkeypatch.setenv("VIGIE_DATA_DIR", str(tmp_path / "data"))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_projects_are_made_once_and_listed(run: Run) -> None:
    assert "vigie keys create --project shop" in done(run("projects", "create", "shop"))
    assert "shop" in done(run("projects", "list"))
    for name, why in (("shop", "already"), ("Shop!", "lower-case")):
        refused = run("projects", "create", name)
        assert refused.exit_code == 1
        assert why in refused.stderr


def test_a_key_is_made_listed_and_revoked(run: Run) -> None:
    run("projects", "create", "shop")
    made = run("keys", "create", "--project", "shop", "--role", "ingest", "--name", "ci", "--expires", "P30D")
    secret = done(made).strip()
    assert secret.startswith("vigie_")
    assert len(secret.split()) == 1  # nothing else on standard output: KEY=$(vigie keys create …)
    listed = done(run("keys", "list", "--project", "shop"))
    assert secret not in listed
    assert "ci" in listed
    assert "active until" in listed
    assert "revoked" in done(run("keys", "revoke", "1", "--project", "shop"))
    assert "revoked 20" in done(run("keys", "list", "--project", "shop"))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("keys", "create", "--role", "reader"), "no project `default`"),
        (("keys", "revoke", "7", "--project", "shop"), "no such key"),
        (("keys", "create", "--project", "shop", "--role", "reader", "--expires", "2001-01-01"), "in the future"),
        (("keys", "create", "--project", "shop", "--role", "reader", "--name", " "), "printable"),
    ],
)
def test_what_is_refused_is_said_with_a_remedy(run: Run, arguments: tuple[str, ...], why: str) -> None:
    run("projects", "create", "shop")
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert why in refused.stderr


@pytest.mark.parametrize("expires", ["soon", "P1Y2", "P99999999999D", "2026-13-01"])
def test_an_end_is_a_length_or_a_date(run: Run, expires: str) -> None:
    refused = run("keys", "create", "--role", "reader", "--expires", expires)
    assert refused.exit_code == 2
    assert "P30D" in refused.stderr


def test_migrating_again_changes_nothing(run: Run) -> None:
    assert "already at the present schema" in done(run("migrate"))


def test_the_schema_is_printed(run: Run) -> None:
    assert "type Query {" in done(run("sdl"))


def test_a_wrong_setting_is_said_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_PORT", "eighty")
    refused = run("keys", "list")
    assert refused.exit_code == 2
    assert "VIGIE_PORT" in refused.stderr
    assert "'eighty'" in refused.stderr


def test_sending_needs_a_key(run: Run, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,1,2\n")
    refused = run("replay", str(trace))
    assert refused.exit_code == 1
    assert "VIGIE_API_KEY" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("nothing.csv",), "cannot be read"),
        (("notes.txt",), "Azure LLM trace"),
        (("notes.txt", "--speed", "warp"), "original"),
        (("notes.txt", "--speed", "-1"), "original"),
        (("notes.txt", "--format", "parquet"), "access-log"),
    ],
)
def test_a_replay_that_cannot_begin_says_why(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("remember the milk\n")
    refused = run("replay", *arguments, "--key", "x")
    assert refused.exit_code in (1, 2)
    assert why in refused.stderr


def test_every_command_explains_itself(run: Run) -> None:
    for group in ("", "projects", "keys"):
        done(run(*group.split(), "--help"))
    commands: list[tuple[str, ...]] = [
        ("serve",),
        ("migrate",),
        ("replay",),
        ("demo",),
        ("doctor",),
        ("sdl",),
        ("projects", "create"),
        ("keys", "create"),
        ("keys", "list"),
        ("keys", "revoke"),
    ]
    for command in commands:
        assert "Example" in done(run(*command, "--help")), command
