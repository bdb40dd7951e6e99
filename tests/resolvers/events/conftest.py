"""A running writer on the test's own database, and events for it."""

from collections.abc import AsyncIterator

import pytest

from integrations.prices import ListPrices
from models import Database
from realtime.facts import Committed
from resolvers.events.writer import Writer


@pytest.fixture
def published() -> list[Committed]:
    """What the writer has published."""
    return []


@pytest.fixture
async def writer(database: Database, published: list[Committed]) -> AsyncIterator[Writer]:
    """A writer that runs."""
    writer = Writer(database, ListPrices(), publish=published.append)
    await writer.start()
    yield writer
    await writer.stop()
