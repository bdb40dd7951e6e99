"""What resolvers find in `info.context`: who asks, the services of the process, what lives as long as the operation.

Each operation gets a context of its own, on HTTP and on WebSocket; each event of a subscription gets a fresh one too,
so nothing that one event opened or loaded is still there for the next.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from integrations.circuits import Circuits
from integrations.guard import Guard
from integrations.notifications import Notifier, Sender
from integrations.prices import ListPrices, Prices
from models.database import Database, ReadSession, WriteSession
from models.secrets import Vault
from resolvers.alerts.pace import Pace
from resolvers.components.terms import Process, WatchTerms
from resolvers.connections import Connections
from resolvers.principals import Principal
from resolvers.rates import Admission
from resolvers.recommendations.generation import Generator
from resolvers.recommendations.terms import Terms
from resolvers.reconciliations.fetching import Fetcher
from resolvers.revisions import revise
from resolvers.storage.room import Reserve
from resolvers.suspects import Suspects

if TYPE_CHECKING:
    from realtime.hub import Hub
    from realtime.streams import Stretch
    from resolvers.events.writer import Writer

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Services:
    """What the process runs once, for every operation."""

    database: Database
    hub: "Hub"
    writer: "Writer"
    forget_key: Callable[[int, int | str], None] = lambda project_id, holder: None
    """Told of a key (its project and number) or a member (project and name) after the commit of what ends or changes
    them: who remembers them drops them."""
    connections: Connections = field(default_factory=lambda: Connections("this process"))
    terms: Terms = field(default_factory=Terms)
    generator: Generator = field(default_factory=Generator)
    vault: Vault = field(default_factory=lambda: Vault(secrets.token_urlsafe()))
    guard: Guard = field(default_factory=Guard)
    sender: Sender = field(default_factory=lambda: Notifier(Guard()))
    watch: WatchTerms = field(default_factory=WatchTerms)
    process: Process = field(default_factory=Process)
    pace: Pace = field(default_factory=Pace)
    fetcher: Fetcher | None = None
    prices: Prices = field(default_factory=ListPrices)
    reserve: Reserve | None = None
    """What watches over the room that the database has left."""
    admission: Admission = field(default_factory=Admission)
    suspects: Suspects = field(default_factory=Suspects)
    circuits: Circuits = field(default_factory=Circuits)


@dataclass(slots=True)
class Context:
    """One operation, or one event of a subscription. `resources` is closed when it ends, whatever way it ends."""

    services: Services
    principal: Principal
    request_id: str
    stretch: "Stretch | None" = None
    """Which part of its stream a subscription is executed for; None: the one that its arguments say."""
    resources: AsyncExitStack = field(default_factory=AsyncExitStack)
    _session: ReadSession | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _loaders: dict[object, DataLoader[Any, Any]] = field(default_factory=dict)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """The operation's read session: one snapshot for all of its fields, one user at a time.

        Root fields and their children share it, so an operation holds one connection however many fields it has, and
        its figures agree with each other. Not for mutations, which read in their write session.
        """
        async with self._turn:
            if self._session is None:
                self._session = await self.resources.enter_async_context(self.services.database.read())
                # A field that was cancelled may still be in a statement when the operation ends: wait for it first.
                self.resources.push_async_callback(self._turn.acquire)
            yield self._session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteSession]:
        """A mutation's write session, committed at exit. What its answer reads then is read anew, after the commit.

        With the same commit, answers that were kept for the project are out of date.
        """
        async with self.services.database.write() as session:
            yield session
            await revise(session, project_id=self.principal.project_id)
        await self.resources.aclose()
        self._session, self._turn, self._loaders = None, asyncio.Lock(), {}

    def loader(self, load: Callable[[ReadSession, list[K]], Awaitable[dict[K, V]]]) -> DataLoader[K, V | None]:
        """The operation's DataLoader over a batch function such as `comments_by_bug(session, keys)`.

        The function answers a dict by key; a key that it leaves out loads as None.
        """
        if load not in self._loaders:

            async def load_in_order(keys: list[K]) -> list[V | None]:
                async with self.reading() as session:
                    found = await load(session, keys)
                return [found.get(key) for key in keys]

            self._loaders[load] = DataLoader(load_in_order)
        return self._loaders[load]

    def fresh(self) -> "Context":
        """A context of the same request with nothing opened or loaded."""
        return Context(self.services, self.principal, self.request_id)


Info: TypeAlias = strawberry.Info[Context, None]
"""The type of `info` in every resolver."""
