"""Readiness: between start and drain, while every check agrees."""

import asyncio
from typing import Any

import orjson
import pytest

from models import Database
from vigie import probes
from vigie.probes import Readiness, database_answers

pytestmark = pytest.mark.anyio


@pytest.fixture
def readiness(monkeypatch: pytest.MonkeyPatch) -> Readiness:
    monkeypatch.setattr(probes, "REMEMBERED_SECONDS", -1.0)
    return Readiness()


async def test_it_is_ready_between_start_and_drain(readiness: Readiness) -> None:
    nobody: Any = None
    states = []
    for started, draining in ((False, False), (True, False), (True, True)):
        readiness.started, readiness.draining = started, draining
        answer = await readiness.ready(nobody)
        states.append((answer.status_code, orjson.loads(bytes(answer.body))["reasons"]))
    assert states == [(503, ["starting"]), (200, []), (503, ["shutting down"])]


async def test_every_check_that_disagrees_is_named(readiness: Readiness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "CHECK_SECONDS", 0.05)

    async def fine() -> None:
        return None

    async def behind() -> str:
        return "roll-ups are 90 s behind"

    async def broken() -> None:
        raise OSError("secret")

    async def stuck() -> None:
        await asyncio.sleep(10)

    readiness.started = True
    for check in (fine, behind, broken, stuck):
        readiness.add(check.__name__, check)
    assert await readiness.reasons() == [
        "roll-ups are 90 s behind",
        "broken: OSError",
        "stuck: no answer within 0.05 s",
    ]


async def test_probes_in_a_row_ask_once() -> None:
    readiness, asked = Readiness(), 0

    async def counted() -> None:
        nonlocal asked
        asked += 1

    readiness.started = True
    readiness.add("counted", counted)
    await asyncio.gather(*(readiness.reasons() for _ in range(20)))
    assert asked == 1


async def test_a_database_answers_or_does_not(database: Database) -> None:
    assert await database_answers(database)() is None
    with pytest.raises(OSError):  # noqa: PT011 — which one depends on the driver
        await database_answers(Database("postgresql://nobody@127.0.0.1:1/nothing"))()
