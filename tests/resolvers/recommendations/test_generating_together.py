"""Several ask for advice at once, and its words take long."""

import asyncio
from collections.abc import Sequence

from integrations.wording import Brief
from models import Database, Project
from resolvers.recommendations.generation import Generator
from tests.databases import only_sqlite
from tests.resolvers.recommendations import planting
from tests.resolvers.recommendations.month import Month
from tests.resolvers.recommendations.test_generation import check, generated, start_of_month
from tests.resolvers.rollups.facts import commit


class SlowWords:
    """Finds no words, until all who ask at once have asked."""

    def __init__(self, askers: int) -> None:
        self._barrier = asyncio.Barrier(askers)

    async def word(self, briefs: Sequence[Brief]) -> None:
        await self._barrier.wait()


@only_sqlite
async def test_nobody_waits_for_words_for_others(database: Database, project: Project) -> None:
    month = Month(project.id, seed=1, start=start_of_month(), calls_a_day=50)
    planting.simple_calls_of_one_subject(month)
    await commit(database, month.facts())
    generator = Generator(wording=SlowWords(2))

    async with asyncio.timeout(30):
        first, second = await asyncio.gather(*(generated(database, month, generator) for _ in range(2)))

    check(first, month)
    assert [row.id for row in first] == [row.id for row in second]
