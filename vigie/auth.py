"""Who asks: from the text of an API key or of a token to a Principal.

    authenticator = Authenticator(database, tokens)
    principal = await authenticator.authenticate(secret)        # None: refused, and counted with its reason

What a key is stands in the database; here it is remembered for two seconds, good and refused ones apart, so that
neither heavy traffic nor a flood of guesses becomes a query each. So is what a token says. Ends are checked at every
use.
"""

import asyncio
import datetime as dt
import hmac
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog
from cachetools import TTLCache
from prometheus_client import Counter
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from models import ApiKey, Database
from models.outages import database_is_down
from resolvers.alerts.samples import NOBODY
from resolvers.api_keys import digest_of, find_api_keys
from resolvers.connections import Connections
from resolvers.errors import Unavailable
from resolvers.principals import Principal, Role
from resolvers.suspects import Suspects
from vigie.tokens import REASONS, Refused, Tokens

REMEMBERED_SECONDS: Final = 2.0
MOST_REMEMBERED: Final = 10_000
USE_WRITTEN_EVERY: Final = dt.timedelta(minutes=1)

REFUSED = Counter("vigie_auth_refused_total", "API keys and tokens that were refused.", ["reason"])
for reason in ("unknown", "revoked", *REASONS):
    REFUSED.labels(reason)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Key:
    principal: Principal
    revoked: bool

    def refused(self, now: dt.datetime) -> str | None:
        """Why the key may not be used (any more), or None when it may."""
        if self.revoked:
            return "revoked"
        end = self.principal.expires_at
        return "expired" if end is not None and end <= now else None


class Authenticator:
    """Tells whose key or token it is, the latter only with `tokens`. One per process; `forget` after the commit of a
    revocation makes it hold at once here.
    """

    def __init__(self, database: Database, tokens: Tokens | None = None, suspects: Suspects | None = None) -> None:
        self._database = database
        self._suspects = suspects or Suspects()
        self._tokens = tokens
        self._known: TTLCache[bytes, _Key] = TTLCache(MOST_REMEMBERED, REMEMBERED_SECONDS)
        self._refused: TTLCache[bytes, str] = TTLCache(MOST_REMEMBERED, REMEMBERED_SECONDS)
        self._lookups: dict[bytes, asyncio.Task[_Key | str]] = {}
        self._used: dict[tuple[int, int], dt.datetime] = {}
        self._written: dict[tuple[int, int], dt.datetime] = {}
        self._refusals: dict[int, int] = {}

    async def authenticate(self, secret: str) -> Principal | None:
        """Whose key or token this is; None when nobody's, or when it was revoked or has expired.

        Raises Unavailable when the database, or the address of the tokens' keys, has to be asked and does not answer;
        RateLimited instead of None when too many bad keys came from the client's address.
        """
        digest = digest_of(secret)
        key = self._known.get(digest) or await self._look_up(digest, secret)
        now = dt.datetime.now(dt.UTC)
        refused = key if isinstance(key, str) else key.refused(now)
        if isinstance(key, str) or refused:
            REFUSED.labels(refused).inc()
            project_id = NOBODY if isinstance(key, str) else key.principal.project_id
            self._refusals[project_id] = self._refusals.get(project_id, 0) + 1
            self._suspects.failed(project_id=project_id)
            return None
        principal = key.principal
        structlog.contextvars.bind_contextvars(project=principal.project_name)
        if principal.key_id is not None:
            self._used[principal.project_id, principal.key_id] = now
        return principal

    def owner_of(self, secret: str) -> int | None:
        """The project of a key that was used a moment ago, good or not; None for what nobody knows."""
        key = self._known.get(digest_of(secret))
        return key.principal.project_id if key else None

    def forget(self, project_id: int, holder: int | str) -> None:
        """Drops what is remembered of a key (its number) or a member (the name): the next use asks the database."""
        self._lookups.clear()  # a query that runs now may have read the key as it was
        for digest, key in list(self._known.items()):
            if (key.principal.project_id, key.principal.holder) == (project_id, holder):
                self._known.pop(digest, None)

    def take_refusals(self) -> dict[int, int]:
        """How many keys were refused since this was asked last, by project; those that nobody knows under 0."""
        taken, self._refusals = self._refusals, {}
        return taken

    async def write_uses(self) -> None:
        """Stores when keys were last used: each key at most once a minute, at its first use at once."""
        due = {
            key: time
            for key, time in self._used.items()
            if key not in self._written or time - self._written[key] >= USE_WRITTEN_EVERY
        }
        await self._write(due.items())

    async def close(self) -> None:
        """Stores the uses that still wait; when the database is away they are let go."""
        try:
            await self._write([(key, time) for key, time in self._used.items() if self._written.get(key) != time])
        except (SQLAlchemyError, OSError) as error:
            log.warning("last uses of keys are not stored", error=str(error))

    async def _look_up(self, digest: bytes, secret: str) -> _Key | str:
        """The key or token, or why there is none."""
        if refused := self._refused.get(digest):
            return refused
        # Everybody who asks for the same key at the same time waits for one query.
        task = self._lookups.get(digest)
        if task is None:
            task = self._lookups[digest] = asyncio.create_task(self._query(digest, secret))
        return await asyncio.shield(task)

    async def _query(self, digest: bytes, secret: str) -> _Key | str:
        this = asyncio.current_task()
        try:
            if self._tokens and self._tokens.looks_like_one(secret):
                found = await self._token(self._tokens, secret)
            else:
                found = await self._key(digest)
            if self._lookups.get(digest) is this:  # else `forget` came in between
                if isinstance(found, str):
                    self._refused[digest] = found
                else:
                    self._known[digest] = found
            return found
        finally:
            if self._lookups.get(digest) is this:
                del self._lookups[digest]

    async def _key(self, digest: bytes) -> _Key | str:
        try:
            async with self._database.read() as session:
                rows = await find_api_keys(session, digest=digest)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("The database does not answer: try again.", retry_after=1) from error
        return next((key for row, project in rows if (key := _key(row, project.name, digest))), "unknown")

    async def _token(self, tokens: Tokens, text: str) -> _Key | str:
        try:
            return _Key(await tokens.principal(self._database, text), revoked=False)
        except Refused as refused:
            log.info("token refused", reason=refused.reason, detail=str(refused))
            return refused.reason

    async def _write(self, uses: Iterable[tuple[tuple[int, int], dt.datetime]]) -> None:
        uses = sorted(uses)
        if not uses:
            return
        async with self._database.write() as session:
            for (project_id, key_id), time in uses:
                await session.run(
                    update(ApiKey)
                    .where(ApiKey.project_id == project_id, ApiKey.id == key_id)
                    .where(ApiKey.last_used_at.is_(None) | (ApiKey.last_used_at < time))
                    .values(last_used_at=time)
                )
        self._written.update(uses)


def expiry_of(connections: Connections) -> Callable[[], Awaitable[None]]:
    """The job that ends the connections of keys and tokens that have expired."""

    async def run() -> None:
        connections.end_expired(dt.datetime.now(dt.UTC))

    return run


def revocation_of(connections: Connections, database: Database) -> Callable[[], Awaitable[None]]:
    """The job that ends the connections of keys that were revoked and of members who left, here or elsewhere.

    Connections outlive their database: while it is away, nobody can have revoked a key.
    """

    async def run() -> None:
        if not connections.holders:
            return
        try:
            async with database.read() as session:
                await connections.end_revoked(session)
        except Exception as error:
            if not database_is_down(error):
                raise

    return run


def _key(row: ApiKey, project_name: str, digest: bytes) -> _Key | None:
    if not hmac.compare_digest(row.digest, digest):
        return None
    principal = Principal(
        key_id=row.id,
        name=row.name,
        role=Role(row.role),
        project_id=row.project_id,
        project_name=project_name,
        expires_at=row.expires_at,
    )
    return _Key(principal, revoked=row.revoked_at is not None)
