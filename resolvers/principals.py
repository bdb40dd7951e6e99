"""Who asks: the API key or the token behind a request, and what its role may do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

FIRST_PROJECT: Final = "default"
"""The project that every installation has; its administrators run the installation."""


class Role(StrEnum):
    """What one may do. INGEST only sends, READER reads, EDITOR does both and changes things, ADMIN also runs it."""

    INGEST = "ingest"
    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated API key or token. Either is for one project, so the principal names the tenant too.

    `key_id` is None for a token, whose `name` is that of its bearer. `expires_at` is an aware UTC datetime, None for a
    key without an end. `member` says that the project gave the role, not the token.
    """

    key_id: int | None
    name: str
    role: Role
    project_id: int
    project_name: str
    expires_at: datetime | None = None
    member: bool = False

    @property
    def holder(self) -> int | str:
        """Who it is inside the project: a key's number, or the name of a token's bearer."""
        return self.name if self.key_id is None else self.key_id

    @property
    def runs_installation(self) -> bool:
        """Whether it may make projects and see which there are."""
        return self.role is Role.ADMIN and self.project_name == FIRST_PROJECT

    def anonymous(self) -> "Principal":
        """Nobody in particular with the same rights: what is left here is all that tells rights apart."""
        return replace(self, key_id=0, name="", expires_at=None, member=False)


def presented_secret(headers: Mapping[str, str]) -> str | None:
    """The key or token in `authorization: Bearer KEY` or `x-api-key: KEY` (names in lower case); None without any."""
    scheme, _, secret = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    return headers.get("x-api-key", "").strip() or None
