"""The server that the transport tests talk to."""

from collections.abc import AsyncIterator

import pytest

from models import Database, Project
from realtime.backends import open_broadcast
from realtime.hub import Hub
from schema.execution import Engine
from tests.realtime.log import LONG_AGO, NOW, make_months
from tests.schema.serving import Serving
from tests.schema.subscribing import Log, open_engine


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Serving.start() as serving:
        yield serving


@pytest.fixture
async def hub(database: Database, project: Project) -> AsyncIterator[Hub]:
    await make_months(database, NOW, LONG_AGO)
    async with Hub(database, open_broadcast(None)) as hub:
        yield hub


@pytest.fixture
def engine(database: Database, hub: Hub) -> Engine:
    return open_engine(database, hub)


@pytest.fixture
def log(database: Database, hub: Hub, project: Project) -> Log:
    return Log(database, hub, project.id)
