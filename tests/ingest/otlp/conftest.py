"""A client of the OTLP door, in this process."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from ingest.otlp.traces import OtlpTraces
from integrations.prices import ListPrices
from models import Database, Project
from resolvers.events.writer import Writer
from resolvers.principals import Principal, Role

KEYS = {role.value: role for role in Role}


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    writer = Writer(database, ListPrices())
    await writer.start()
    yield writer
    await writer.stop()


@pytest.fixture
async def door(writer: Writer, project: Project) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the door; the text of a key is its role."""

    async def authenticate(secret: str) -> Principal | None:
        role = KEYS.get(secret)
        return Principal(1, "key", role, project.id, project.name) if role else None

    transport = httpx2.ASGITransport(OtlpTraces(authenticate, writer))
    headers = {"Authorization": "Bearer ingest"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://vigie", headers=headers) as client:
        yield client
