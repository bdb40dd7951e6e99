"""Who asks: the API key behind a request, and what its role may do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a key may do. INGEST only sends, READER reads, EDITOR does both and changes things, ADMIN also runs it."""

    INGEST = "ingest"
    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated API key. A key belongs to one project, so the principal names the tenant too.

    `expires_at` is an aware UTC datetime, None for a key without an end.
    """

    key_id: int
    name: str
    role: Role
    project_id: int
    project_name: str
    expires_at: datetime | None = None

    def anonymous(self) -> "Principal":
        """Nobody in particular with the same rights: what is left here is all that tells rights apart."""
        return replace(self, key_id=0, name="", expires_at=None)


def presented_secret(headers: Mapping[str, str]) -> str | None:
    """The key in `authorization: Bearer KEY` or `x-api-key: KEY` (names in lower case); None when neither is there."""
    scheme, _, secret = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    return headers.get("x-api-key", "").strip() or None
