"""The key of stored secrets: the one that is set, or a file that only this user may read."""

from pathlib import Path

import pytest

from models.secrets import CannotOpen
from vigie.encryption import KEY_FILE, open_vault
from vigie.settings import Settings, SettingsError, load_settings

KEY, OLDER = "a-key-of-more-than-sixteen", "an-older-key-of-sixteen"


def test_a_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")

    sealed = open_vault(settings).seal("secret", project_id=1, of="x")

    file = tmp_path / "data" / KEY_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [KEY_FILE]
    assert open_vault(settings).open(sealed, project_id=1, of="x") == "secret"


def test_the_key_that_is_set_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_ENCRYPTION_KEY", KEY)
    monkeypatch.setenv("VIGIE_DATA_DIR", str(tmp_path / "data"))

    sealed = open_vault(load_settings()).seal("secret", project_id=1, of="x")

    assert not (tmp_path / "data").exists()
    monkeypatch.setenv("VIGIE_ENCRYPTION_KEY", f"{OLDER}, {KEY}")
    assert open_vault(load_settings()).open(sealed, project_id=1, of="x") == "secret"
    monkeypatch.setenv("VIGIE_ENCRYPTION_KEY", OLDER)
    with pytest.raises(CannotOpen):
        open_vault(load_settings()).open(sealed, project_id=1, of="x")


@pytest.mark.parametrize("value", ["short", f"{KEY},short", " , "])
def test_a_short_key_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("VIGIE_ENCRYPTION_KEY", value)

    with pytest.raises(SettingsError, match=r"VIGIE_ENCRYPTION_KEY: .*at least 16 characters") as error:
        load_settings()
    assert "short" not in str(error.value)


def test_networks_and_hosts_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_ALLOWED_NETWORKS", "10.0.0.0/8, ::1, intranet.example")

    assert load_settings().allowed_networks == ("10.0.0.0/8", "::1", "intranet.example")
    monkeypatch.setenv("VIGIE_ALLOWED_NETWORKS", "10.0.0.0/8,http://intranet")
    with pytest.raises(SettingsError, match="neither a network"):
        load_settings()


def test_a_folder_that_takes_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"VIGIE_ENCRYPTION_KEY: it is not set, and .*encryption\.key cannot"):
        open_vault(Settings(data_dir=tmp_path / "file"))
