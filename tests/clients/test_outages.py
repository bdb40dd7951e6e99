"""Clients that come while the database is away."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.clients.sending import Sender
from tests.clients.test_clients import following
from tests.databases import only_postgresql
from tests.running import Vigies
from tests.vigie.proxies import Gate

pytestmark = pytest.mark.anyio


@only_postgresql
async def test_they_come_back_until_there_is_a_database(vigies: Vigies, database_url: str, tmp_path: Path) -> None:
    url = make_url(database_url)
    assert url.host
    gate = Gate(url.host, url.port or 5432)
    await gate.open()
    gated = url.set(host="127.0.0.1", port=gate.port).render_as_string(hide_password=False)
    vigie = await asyncio.to_thread(vigies.start, VIGIE_DATABASE_URL=gated)
    await gate.shut()
    await asyncio.sleep(2.5)  # until the process has forgotten whose key it is
    with following(vigie, tmp_path, key=vigie.admin_key) as running:
        await asyncio.sleep(6)
        await gate.open()
        sender = Sender(vigie)
        sender.start()
        for program in running:
            await asyncio.to_thread(program.wait_for, "number-")
        await asyncio.to_thread(sender.stop)
    await asyncio.to_thread(vigie.terminate)
    await gate.shut()
