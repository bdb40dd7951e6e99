"""What a project asks of the events that it takes, remembered for a few seconds."""

import asyncio
import datetime as dt
import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from integrations.prices import Prices
from models import Counter, Database
from resolvers.attribute_dimensions import list_dimensions
from resolvers.contents.keeping import Keeping, keeping_of
from resolvers.contents.settings import get_settings
from resolvers.errors import NotFound
from resolvers.prices.book import PriceBook
from resolvers.prices.listing import read_book

SECONDS: Final = 5.0
EARLIEST: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class IngestTerms:
    """`floor`: no event may be older, since retention has taken away what was, or will. `book`: what calls cost.

    `keeping`: what is masked, and what is kept of content; None where the project has decided nothing of the kind.
    `declared`: keys of `attributes` that are dimensions of its figures.
    """

    floor: dt.datetime
    book: PriceBook
    keeping: Keeping | None = None
    declared: tuple[str, ...] = ()

    @property
    def keeps_content(self) -> bool:
        """Whether prompts and answers are stored."""
        return self.keeping is not None and self.keeping.most_bytes > 0


class TermsOfProjects:
    """The terms of all projects that send events."""

    def __init__(self, database: Database, prices: Prices) -> None:
        self._database = database
        self._prices = prices
        self._known: dict[int, tuple[IngestTerms, float]] = {}
        self._reading = asyncio.Lock()

    async def get(self, project_id: int) -> IngestTerms:
        """Raises NotFound for a project that is not there."""
        if (terms := self._recent(project_id)) is not None:
            return terms
        async with self._reading:
            # Somebody else may have read them while we waited.
            if (terms := self._recent(project_id)) is not None:
                return terms
            terms = await self._read(project_id)
            self._known[project_id] = (terms, time.monotonic() + SECONDS)
            return terms

    async def _read(self, project_id: int) -> IngestTerms:
        async with self._database.read() as session:
            floor = await session.scalar(select(Counter.floor).where(Counter.project_id == project_id))
            before = self._known.get(project_id)
            book = await read_book(
                session, project_id=project_id, prices=self._prices, known=before[0].book if before else None
            )
            settings = await get_settings(session, project_id=project_id)
            declared = tuple(await list_dimensions(session, project_id=project_id))
        if floor is None:
            raise NotFound("The project does not exist any more.")
        return IngestTerms(floor=max(floor, EARLIEST), book=book, keeping=keeping_of(settings), declared=declared)

    def forget(self, project_id: int) -> None:
        """The project has changed its terms: they are read anew."""
        self._known.pop(project_id, None)

    def _recent(self, project_id: int) -> IngestTerms | None:
        terms, until = self._known.get(project_id, (None, 0.0))
        return terms if time.monotonic() < until else None
