"""The writer goes first, but nobody waits for it long."""

import asyncio
import time

from resolvers.events.turns import PATIENCE_SECONDS, Turn


async def test_nobody_waits_when_the_database_is_busy() -> None:
    turn = Turn()
    async with asyncio.timeout(0):
        await turn.wait()


async def test_others_wait_until_the_writer_gives_way() -> None:
    turn = Turn()
    turn.take()
    waiting = asyncio.create_task(turn.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    turn.give()
    await waiting


async def test_patience_is_short() -> None:
    turn = Turn()
    turn.take()
    started = time.monotonic()
    await turn.wait()
    assert time.monotonic() - started >= PATIENCE_SECONDS * 0.9
