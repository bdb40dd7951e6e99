"""One large log for all the tests that only read."""

import datetime as dt
from collections.abc import AsyncIterator, Iterator

import pytest

from models import Database
from resolvers.projects import create_project
from tests.databases import DIALECTS, Templates
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.traffic import Traffic

FACTS = 2_400


@pytest.fixture(scope="package", params=DIALECTS)
def log_url(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with templates.copy(request.param, tmp_path_factory.mktemp("log")) as url:
        yield url


@pytest.fixture(scope="package")
async def log(log_url: str) -> AsyncIterator[Log]:
    """Facts out of order: half of them rolled up by subject, two thirds in series, the rest in no roll-up."""
    database = Database(log_url)
    now = dt.datetime.now(dt.UTC)
    async with database.write() as session:
        stranger = await create_project(session, name="others", actor="tests")
        project = await create_project(session, name="acme", actor="tests")
    foreign = Traffic(stranger.id, seed=8, now=now)
    await Log(database, stranger, now).append(foreign.add(list(foreign.times(200))))
    log = Log(database, project, now)
    traffic = Traffic(project.id, seed=7, now=log.now)
    times = list(traffic.times(FACTS))
    await log.append(traffic.add(times[: FACTS // 2]))
    await log.fold()
    await log.fold_subjects()
    await log.append(traffic.add(times[FACTS // 2 :]))
    await log.fold(limit=FACTS // 6)
    yield log
    await database.close()
