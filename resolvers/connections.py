"""Connections that clients hold open to this process: whose they are, what they carry, and how they end.

    connection = Connection(transport="websocket", address="192.0.2.7", end=socket.end)
    with connections.open(connection):
        connections.admit(connection, principal)      # LimitReached when the key has too many
        connection.operations += 1                    # its edge keeps the figures

A connection ends with its key or token, wherever that is revoked (`end_revoked` asks for all at once), when it expires
(`end_expired`), and with the process (`drain`).
"""

import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from models import ReadSession
from realtime.shared import Progress
from resolvers.api_keys import api_keys_by_place
from resolvers.errors import LimitReached
from resolvers.members import members_by_place
from resolvers.principals import Principal

MOST_PER_KEY: Final = 2_000
_NUMBERS: Final = 10**17


class End(StrEnum):
    """Why a connection is ended from here."""

    KEY = "key"
    """Its key was revoked or has expired, or its token has, or what that says does not hold any more: at once."""
    RESTART = "restart"
    """The process ends: as soon as its queries and mutations are answered."""


@dataclass(eq=False, slots=True, kw_only=True)
class Connection:
    """One open connection. Its edge counts; `end` is told, perhaps more than once, that it has to end."""

    transport: str
    """`websocket` or `sse`."""
    address: str | None
    """Of the client, or of the proxy before us; None when unknown."""
    end: Callable[[End], None]
    number: int = field(default_factory=lambda: 1 + secrets.randbelow(_NUMBERS))
    since: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    principal: Principal | None = None
    """None until its key was accepted."""
    operations: int = 0
    """How many run now."""
    streams: dict[str, Progress] = field(default_factory=dict)
    """How far each of its subscriptions has come, by a name of its edge's choice."""
    queued: int = 0
    """Messages that wait for the client to read those before them."""
    queued_bytes: int = 0
    sent_bytes: int = 0

    @property
    def lag(self) -> int:
        """How many facts its slowest stream is behind."""
        return max((progress.lag for progress in self.streams.values()), default=0)


class Connections:
    """The open connections of this process, which `process` names among its replicas."""

    def __init__(self, process: str, *, most_per_key: int = MOST_PER_KEY) -> None:
        self.process = process
        self._most_per_key = most_per_key
        self._open: dict[int, Connection] = {}
        self._by_key: dict[tuple[int, int | str], set[Connection]] = {}

    @contextmanager
    def open(self, connection: Connection) -> Iterator[None]:
        """Knows the connection for as long as the block runs."""
        self._open[connection.number] = connection
        try:
            yield
        finally:
            del self._open[connection.number]
            if connection.principal is not None:
                key = _key_of(connection.principal)
                self._by_key[key].discard(connection)
                if not self._by_key[key]:
                    del self._by_key[key]

    def admit(self, connection: Connection, principal: Principal) -> None:
        """The open connection runs under this key from now on. Raises LimitReached when the key has too many."""
        held = self._by_key.get(_key_of(principal), ())
        if len(held) >= self._most_per_key:
            raise LimitReached(f"This key has {self._most_per_key:,} open connections already: close one first.")
        connection.principal = principal
        self._by_key.setdefault(_key_of(principal), set()).add(connection)

    def of_project(self, project_id: int) -> list[Connection]:
        """The connections under keys of a project, the newest first."""
        held = [held for key, held in self._by_key.items() if key[0] == project_id]
        return sorted((one for some in held for one in some), key=lambda one: (one.since, one.number), reverse=True)

    def count_by_project(self) -> dict[int, int]:
        """How many connections are open under keys of each project."""
        counts: dict[int, int] = {}
        for (project_id, _), held in self._by_key.items():
            counts[project_id] = counts.get(project_id, 0) + len(held)
        return counts

    def get(self, project_id: int, number: int) -> Connection | None:
        """The connection of that number, when its key is the project's."""
        found = self._open.get(number)
        return found if found and found.principal and found.principal.project_id == project_id else None

    @property
    def holders(self) -> set[tuple[int, int | str]]:
        """The project of each key and token that has connections, and who its holder is there."""
        return set(self._by_key)

    def end_expired(self, now: dt.datetime) -> None:
        """Ends the connections whose keys end at `now` or before."""
        for connection in list(self._open.values()):
            end = connection.principal.expires_at if connection.principal else None
            if end is not None and end <= now:
                connection.end(End.KEY)

    async def end_revoked(self, session: ReadSession) -> None:
        """Ends the connections whose keys were revoked, and those of members who left or have another role, by whatever
        process: one statement for a thousand of either.
        """
        asked = [(one, one.principal) for held in self._by_key.values() for one in held if one.principal]
        keys = await api_keys_by_place(
            session, {(of.project_id, of.key_id) for _, of in asked if of.key_id is not None}
        )
        members = await members_by_place(session, {(of.project_id, of.name) for _, of in asked if of.member})
        for connection, of in asked:
            if of.key_id is not None:
                key = keys.get((of.project_id, of.key_id))
                over = key is None or key.revoked_at is not None
            else:
                member = members.get((of.project_id, of.name))
                over = of.member and (member is None or member.role != of.role)
            if over:
                connection.end(End.KEY)

    def drain(self) -> None:
        """Ends every connection, because the process does."""
        for connection in list(self._open.values()):
            connection.end(End.RESTART)


def _key_of(principal: Principal) -> tuple[int, int | str]:
    return principal.project_id, principal.holder
