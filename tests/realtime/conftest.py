"""Hubs for the tests of streams, on the test's own database with one project whose months exist."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from models import Database, Project
from realtime.backends import open_broadcast
from realtime.hub import Hub
from tests.realtime.log import LONG_AGO, NOW, make_months


@pytest.fixture
async def project_id(database: Database, project: Project) -> int:
    """A project that can take facts of NOW and of LONG_AGO."""
    await make_months(database, NOW, LONG_AGO)
    return project.id


@pytest.fixture
async def open_hub(database: Database, project_id: int) -> AsyncIterator[Callable[..., Awaitable[Hub]]]:
    """Opens hubs on the test's database: `await open_hub()`, `await open_hub(redis_url)`."""
    async with AsyncExitStack() as stack:

        async def open_one(redis_url: str | None = None) -> Hub:
            return await stack.enter_async_context(Hub(database, open_broadcast(redis_url)))

        yield open_one


@pytest.fixture
async def hub(open_hub: Callable[..., Awaitable[Hub]]) -> Hub:
    """A hub on its own, without Redis."""
    return await open_hub()
