"""One evaluation of all rules of a project: what 5,000 cost beside 100.

    make bench-alerts FLAGS=--check
    python -m benchmarks.alerts --few 100 --many 5000 --events 100000

The rules watch every figure of the traffic over four windows, of all calls and of single models, routes and subjects;
a few of them fire. Fresh events arrive before each evaluation.
"""

import argparse
import asyncio
import datetime as dt
import itertools
import random
import statistics
import sys
import time
from typing import Final

import asyncpg

from models import Database
from models.partitions import ensure_months, month_of
from realtime.facts import Fact
from resolvers.alerts.definitions import Rule
from resolvers.alerts.engine import Engine
from resolvers.alerts.figures import FIGURES
from resolvers.alerts.pace import Pace
from resolvers.alerts.rules import save_rule
from resolvers.metrics.filters import MetricsFilter
from resolvers.projects import create_project
from resolvers.rollups.fold import fold
from tests.realtime.log import api_call, commit, usage
from tests.servers import started
from vigie.migrate import migrate

MOST_RATIO: Final = 10.0
MINUTE: Final = dt.timedelta(minutes=1)
WINDOWS: Final = (MINUTE * 5, MINUTE * 15, MINUTE * 60, MINUTE * 60 * 24)
PACE: Final = Pace()
SUBJECTS, ROUTES, MODELS = 500, 100, 30
HISTORY: Final = dt.timedelta(hours=24)


class Watch:
    """A database with traffic and so many rules, and the engine over it."""

    def __init__(self, database: Database, project_id: int, now: dt.datetime) -> None:
        self.database = database
        self.project_id = project_id
        self.now = now
        self.engine = Engine(database, PACE)
        self._pick = random.Random(3)
        self._numbers = itertools.count()

    def facts(self, count: int, start: dt.datetime, length: dt.timedelta) -> list[Fact]:
        """Calls at random times of a stretch."""
        pick, facts = self._pick, list[Fact]()
        for _ in range(count):
            moment, name = start + length * pick.random(), str(next(self._numbers))
            subject = f"subject {pick.randrange(SUBJECTS)}"
            if pick.random() < 0.5:
                model = f"model {pick.randrange(MODELS)}"
                facts.append(
                    usage(self.project_id, name, moment, model=model, subject=subject, duration_ms=pick.random() * 900)
                )
            else:
                facts.append(
                    api_call(
                        self.project_id,
                        name,
                        moment,
                        route=f"/route/{pick.randrange(ROUTES)}",
                        status=500 if pick.random() < 0.02 else 200,
                        subject=subject,
                        duration_ms=pick.random() * 900,
                    )
                )
        return facts

    async def store(self, facts: list[Fact]) -> None:
        """Commits facts, and folds them."""
        for start in range(0, len(facts), 5_000):
            await commit(self.database, facts[start : start + 5_000])
        while await fold(self.database, self.project_id):
            pass

    async def evaluate(self) -> float:
        """Lets events arrive, and answers how long the next evaluation takes, in seconds."""
        await self.store(self.facts(100, self.now, PACE.every))
        self.now += PACE.every
        began = time.perf_counter()
        await self.engine.step(self.now + PACE.settle)
        return time.perf_counter() - began


def rules(count: int) -> list[Rule]:
    """So many different rules."""
    filters = [
        MetricsFilter(),
        *(MetricsFilter(models=(f"model {number}",), routes=(f"/route/{number}",)) for number in range(MODELS)),
        *(MetricsFilter(subjects=(f"subject {number}",)) for number in range(SUBJECTS)),
    ]
    every = list(itertools.product(FIGURES, WINDOWS, filters))
    chosen = random.Random(4).sample(every, count)
    return [
        Rule(
            name=f"rule {number}",
            metric=metric,
            comparison="greater",
            threshold=0.0 if number % 500 == 0 else 1e12,
            window=window,
            filter=kept,
            severity="high",
        )
        for number, (metric, window, kept) in enumerate(chosen)
    ]


async def load(server: str, name: str, count: int, events: int) -> Watch:
    """A migrated database with so many rules and events."""
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = server.rsplit("/", 1)[0] + f"/{name}"
    database = Database(url)
    await migrate(database)
    now = PACE.aligned(dt.datetime.now(dt.UTC))
    async with database.write() as session:
        project_id = (await create_project(session, name="alerts", actor="benchmark")).id
    async with database.write() as session:
        for rule in rules(count):
            await save_rule(session, project_id=project_id, actor="benchmark", number=None, rule=rule, now=now)
    connection = await asyncpg.connect(url)
    await ensure_months(connection, {month_of(now - HISTORY), month_of(now), month_of(now + HISTORY)})
    watch = Watch(database, project_id, now)
    await watch.store(watch.facts(events, now - HISTORY, HISTORY))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return watch


async def measure(server: str, arguments: argparse.Namespace) -> bool:
    sizes = (arguments.few, arguments.many)
    watches = [await load(server, f"alerts_{count}", count, arguments.events) for count in sizes]
    for watch in watches:
        await watch.evaluate()
    seconds: list[list[float]] = [[], []]
    for _ in range(arguments.rounds):
        for place, watch in enumerate(watches):
            seconds[place].append(await watch.evaluate())
    medians = [statistics.median(some) for some in seconds]
    for count, median in zip(sizes, medians, strict=True):
        print(f"{count:>6,} rules {median * 1000:>8.1f} ms an evaluation")
    ratio = medians[1] / medians[0]
    print(f"\n{ratio:.1f} times as much; at most {MOST_RATIO:.0f} times is claimed")
    for watch in watches:
        await watch.database.close()
    return ratio <= MOST_RATIO


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=100, help="rules of the small size")
    parser.add_argument("--many", type=int, default=5_000, help="rules of the large size")
    parser.add_argument("--events", type=int, default=50_000, help="calls of the last day")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of which the median counts, in turns")
    parser.add_argument("--check", action="store_true", help="exit with 1 when the claim does not hold")
    arguments = parser.parse_args()
    with started("postgresql18-durable") as server:
        held = asyncio.run(measure(server.url, arguments))
    sys.exit(0 if held or not arguments.check else 1)


if __name__ == "__main__":
    main()
