"""Who asks: the API key behind a request, and what its role may do."""

from dataclasses import dataclass
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
