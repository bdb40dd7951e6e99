"""The key of stored secrets: the one that is set, else one of this data folder's own."""

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from models.secrets import Vault
from vigie.settings import Problem, Settings, SettingsError

KEY_FILE: Final = "encryption.key"

log = structlog.get_logger(__name__)


def open_vault(settings: Settings) -> Vault:
    """The vault of this installation. Without VIGIE_ENCRYPTION_KEY its key lies in the data folder, made when missing.

    Raises SettingsError when that file can neither be read nor made.
    """
    if settings.encryption_keys:
        return Vault(*settings.encryption_keys)
    if settings.database.startswith("postgresql"):
        log.warning("VIGIE_ENCRYPTION_KEY is not set: other processes cannot read the secrets that this one stores")
    try:
        return Vault(_own_key(settings.data_dir / KEY_FILE))
    except OSError as error:
        advice = f"it is not set, and {settings.data_dir / KEY_FILE} cannot be used instead: {error.strerror}"
        raise SettingsError([Problem("VIGIE_ENCRYPTION_KEY", advice)]) from error


def _own_key(file: Path) -> str:
    """The key in a file, which is made when it is missing."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.exists():
        # Whole or not at all: a start that is cut short must not leave half a key.
        made = file.with_name(f"{KEY_FILE}.{secrets.token_hex(4)}")
        made.touch(mode=0o600)
        try:
            made.write_text(secrets.token_urlsafe(32))
            with suppress(FileExistsError):  # another process was faster
                file.hardlink_to(made)
        finally:
            made.unlink()
    return file.read_text().strip()
