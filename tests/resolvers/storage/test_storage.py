"""What is stored, how long there is room, and that nothing is taken in when there is none."""

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from integrations.prices import ListPrices
from models import Database, Project
from resolvers.events.writer import StorageFull, Writer
from resolvers.rollups.fold import fold
from resolvers.storage.room import Reserve
from resolvers.storage.tables import BYTES_A_ROW
from tests.databases import only_sqlite
from tests.resolvers.events.events import call, send, usage
from tests.resolvers.metrics.asking import Client

STORAGE = """{ storage {
  tables { kind rows oldest rowsPerDay bytes }
  databaseBytes growthBytesPerDay freeBytes reserveBytes daysUntilFull refusesEvents
} }"""
MIB = 1 << 20


@pytest.fixture
async def reserve(database: Database) -> Reserve:
    return Reserve(database, 100 * MIB)


@pytest.fixture
async def writer(database: Database, reserve: Reserve) -> AsyncIterator[Writer]:
    writer = Writer(database, ListPrices(), refusal=lambda: reserve.refusal)
    await writer.start()
    yield writer
    await writer.stop()


async def storage(database: Database, project: Project, reserve: Reserve | None) -> Any:
    client = Client(database, project)
    client._engine._services = replace(client._engine._services, reserve=reserve)
    return (await client.ask(STORAGE))["storage"]


async def test_what_is_stored_is_counted(
    database: Database, project: Project, writer: Writer, reserve: Reserve
) -> None:
    oldest = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=2)
    events = [usage(f"u{number}", time=oldest.isoformat()) for number in range(60)]
    await send(writer, project.id, [*events, call("c")])
    await fold(database, project.id)
    await send(writer, project.id, [usage("behind the roll-ups")])
    await reserve.look()

    found = await storage(database, project, reserve)
    tables = {table["kind"]: table for table in found["tables"]}
    assert (tables["USAGE_EVENTS"]["rows"], tables["API_CALLS"]["rows"]) == (61, 1)
    assert dt.datetime.fromisoformat(tables["USAGE_EVENTS"]["oldest"]) == oldest
    assert 20 <= tables["USAGE_EVENTS"]["rowsPerDay"] <= 31
    assert tables["ROLL_UPS"]["rows"] > 0
    assert all((table["bytes"] is None) == (database.dialect == "sqlite") for table in tables.values())
    assert found["databaseBytes"] > 100_000
    assert found["growthBytesPerDay"] == pytest.approx(62 * BYTES_A_ROW, rel=0.1)
    assert (found["reserveBytes"], found["refusesEvents"]) == (100 * MIB, False)
    if found["freeBytes"] is not None:  # PostgreSQL's disk is seen by those who may
        days = (found["freeBytes"] - 100 * MIB) / found["growthBytesPerDay"]
        assert found["daysUntilFull"] == pytest.approx(days)
    else:
        assert (database.dialect, found["daysUntilFull"]) == ("postgresql", None)


@only_sqlite
async def test_events_are_refused_before_the_disk_is_full(
    database: Database, project: Project, writer: Writer, reserve: Reserve
) -> None:
    await reserve.look()
    await send(writer, project.id, [usage("fits")])
    reserve.bytes = 1 << 60
    with pytest.raises(StorageFull, match="are kept free"):
        await send(writer, project.id, [usage("does not")])
    assert (await storage(database, project, reserve))["refusesEvents"] is True
    reserve.bytes = 0
    assert (await send(writer, project.id, [usage("does not")])).accepted == 1


async def test_without_a_view_of_the_disk_nothing_is_claimed(database: Database, project: Project) -> None:
    found = await storage(database, project, None)
    assert (found["freeBytes"], found["daysUntilFull"], found["refusesEvents"]) == (None, None, False)
