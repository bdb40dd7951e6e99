"""Secrets at rest: texts sealed with AES-256-GCM before a table sees them.

sealed = vault.seal("Bearer xyz", project_id=7, of="health_check:3")    # for a LargeBinary column
text = vault.open(sealed, project_id=7, of="health_check:3")

`of` names the row that holds the secret: what was sealed for one row opens for no other.
"""

import hashlib
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT: Final = b"\x01"
NAME_BYTES: Final = 8
NONCE_BYTES: Final = 12
INFO: Final = b"vigie stored secrets"


class CannotOpen(Exception):  # noqa: N818 — a state of affairs
    """A sealed text whose key is not here, or that was changed or moved. The message is for the operator."""


class Vault:
    """Seals with the first of its keys and opens with any of them.

    A key is any text, of at least 32 random characters; where a key is replaced, the older one stands behind the new.
    """

    def __init__(self, *keys: str) -> None:
        made = [_ciphered(key) for key in keys]
        self._first = made[0]
        self._by_name = dict(made)

    def seal(self, text: str, *, project_id: int, of: str) -> bytes:
        """The text, sealed for one row of a project."""
        name, cipher = self._first
        nonce = secrets.token_bytes(NONCE_BYTES)
        return FORMAT + name + nonce + cipher.encrypt(nonce, text.encode(), _bound(project_id, of))

    def open(self, sealed: bytes, *, project_id: int, of: str) -> str:
        """What was sealed for this row. Raises CannotOpen."""
        start = len(FORMAT) + NAME_BYTES
        name, nonce = sealed[len(FORMAT) : start], sealed[start : start + NONCE_BYTES]
        cipher = self._by_name.get(name) if sealed.startswith(FORMAT) else None
        if cipher is None:
            raise CannotOpen(
                "it was sealed with another key: VIGIE_ENCRYPTION_KEY must be the same for every process and for ever"
            )
        try:
            return cipher.decrypt(nonce, sealed[start + NONCE_BYTES :], _bound(project_id, of)).decode()
        except InvalidTag:
            raise CannotOpen("it was changed, or sealed for another row") from None


def _ciphered(key: str) -> tuple[bytes, AESGCM]:
    """The key's public name, and its cipher."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=INFO).derive(key.encode())
    return hashlib.sha256(b"name of " + derived).digest()[:NAME_BYTES], AESGCM(derived)


def _bound(project_id: int, of: str) -> bytes:
    return f"{project_id}:{of}".encode()
