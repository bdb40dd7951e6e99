"""What words cost is counted in the log of the own project, for every process and across restarts."""

import datetime as dt
from collections.abc import AsyncIterator

import pytest

from integrations.openai import Spent
from integrations.prices import ListPrices
from models import Database, Project
from models.base import PICODOLLARS
from resolvers.events.writer import Writer
from resolvers.recommendations.spending import DailyPurse


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    writer = Writer(database, ListPrices())
    await writer.start()
    yield writer
    await writer.stop()


def spent(usd: float) -> Spent:
    now = dt.datetime.now(dt.UTC)
    return Spent("gpt-4.1-mini", now, 100.0, True, 1000, 100, 50, 0, round(usd * PICODOLLARS))


async def test_what_is_spent_is_known_to_all(database: Database, project: Project, writer: Writer) -> None:
    mine, theirs = (DailyPurse(database, writer, own_project=project.name, daily_usd=1.0) for _ in range(2))
    assert await mine.left() == PICODOLLARS

    await mine.book(spent(0.25))
    await theirs.book(spent(0.5))

    assert await mine.left() == await theirs.left() == PICODOLLARS // 4


async def test_what_cannot_be_recorded_is_counted_too(database: Database, project: Project, writer: Writer) -> None:
    purse = DailyPurse(database, writer, own_project=project.name, daily_usd=1.0)
    await writer.stop()

    await purse.book(spent(0.25))

    assert await purse.left() == PICODOLLARS * 3 // 4
    await writer.start()


async def test_without_an_own_project_nothing_is_spent(database: Database, writer: Writer) -> None:
    assert await DailyPurse(database, writer, own_project="vigie", daily_usd=1.0).left() == 0
