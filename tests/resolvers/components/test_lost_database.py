"""A database that goes away cannot record its own outage, and has it recorded afterwards."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from models import Component, ComponentSpell, Database, Project
from tests.databases import only_postgresql
from tests.resolvers.components.test_watch import SECOND, Looking, until, watching

pytestmark = pytest.mark.anyio


class Relay:
    """The way to a server, which can be cut and mended."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        ends = {writer, there_writer}
        self._open |= ends
        with suppress(OSError):
            await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        self._open -= ends

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(2**16):
            writer.write(piece)
            await writer.drain()
        writer.close()


@only_postgresql
async def test_its_outage_is_recorded_when_it_is_back(database: Database, project: Project) -> None:
    url = make_url(database.url.render_as_string(hide_password=False))
    assert url.host
    relay = Relay(url.host, url.port or 5432)
    await relay.mend()
    behind = Database(url.set(host="127.0.0.1", port=relay.port).render_as_string(hide_password=False))
    try:
        async with watching(behind, looking=Looking(), every=SECOND):
            await until(database, project, {"database": "healthy"})
            await relay.cut()
            await asyncio.sleep(2.5)
            await relay.mend()
            await asyncio.sleep(3)
            await until(database, project, {"database": "healthy", "disk": "healthy"})
    finally:
        await behind.close()
        await relay.cut()
    async with database.read() as session:
        spells = await session.scalars(
            select(ComponentSpell)
            .join(
                Component,
                (Component.project_id == ComponentSpell.project_id) & (Component.id == ComponentSpell.component_id),
            )
            .where(Component.project_id == project.id, Component.kind == "database")
            .order_by(ComponentSpell.began_at)
        )
    assert [spell.status for spell in spells] == ["unknown", "healthy", "down", "healthy"]
    lost = spells[2]
    assert lost.message == "The database did not answer."
    assert lost.ended_at is not None
    assert SECOND < lost.ended_at - lost.began_at < 6 * SECOND
