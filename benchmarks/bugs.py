"""What a page of bugs costs at a thousand bugs and at a hundred thousand: every filter, every order, every search.

    python -m benchmarks.bugs                             # some minutes, 1 GB of disk
    python -m benchmarks.bugs --check --rounds 9

Each bug has five comments, three changes and two labels; words, values and their shares are the same at both sizes, but
for those that 20 bugs have at either. A page has 50 bugs, or as many as there are at the smaller size: so both have as
many. The engine is the one that the server runs. Whatever is asked, both take the same number of statements.
"""

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from sqlalchemy import event

from benchmarks.dashboard import medians, statements
from integrations.prices import ListPrices
from models import Database
from realtime.backends import open_broadcast
from realtime.hub import Hub
from resolvers.events.writer import Writer
from resolvers.principals import Principal, Role
from resolvers.projects import create_project
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.requests import GraphQLRequest
from tests.servers import started
from vigie.migrate import migrate

CONTRACT = Path(__file__).parent.parent / "tests" / "contract" / "bugs.graphql"
MOST_GROWTH = 2.0
LISTED = """query ($filter: BugFilter, $orderBy: BugOrder, $first: Int!, $after: String) {
  bugs(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    edges { cursor node { id number version title description status severity priority category device reporter assignee
      labels links occurrences createdAt updatedAt resolvedAt %s } }
    pageInfo { hasNextPage endCursor }
  }
}"""
PAGE = LISTED % ""
SIMILAR = LISTED % "similar(first: 5) { number title score }"
THREADS = LISTED % (
    "comments(first: 3) { edges { node { id author body createdAt } } } "
    "history(first: 3) { edges { node { time actor field before after } } } duplicateOf { number }"
)


@dataclass(frozen=True)
class Case:
    """A page that is asked for, of `first` bugs at most; `deep` asks for one that lies behind 500 bugs."""

    name: str
    filter: dict[str, Any] = field(default_factory=dict)
    order: tuple[str, str] | None = None
    document: str = PAGE
    deep: bool = False
    first: int = 50


def ordered(name: str) -> list[Case]:
    return [Case(f"by {name} {way}", order=(name, way)) for way in ("ASC", "DESC")]


CASES = (
    Case("the newest"),
    Case("the newest, with their total", document=CONTRACT.read_text()),
    Case("open, with their total", {"statuses": ["OPEN", "IN_PROGRESS"]}, document=CONTRACT.read_text()),
    Case("search: a word, with their total", {"search": "word40"}, document=CONTRACT.read_text()),
    Case("the newest, with comments and history", document=THREADS),
    Case("one bug, with similar ones", document=SIMILAR, first=1),
    Case("far down", deep=True),
    *(case for name in ("CREATED_AT", "UPDATED_AT", "SEVERITY", "PRIORITY", "NUMBER") for case in ordered(name)),
    Case("far down by severity", order=("SEVERITY", "DESC"), deep=True),
    Case("open", {"statuses": ["OPEN", "IN_PROGRESS"]}),
    Case("open, by update", {"statuses": ["OPEN"]}, ("UPDATED_AT", "DESC")),
    Case("critical", {"severities": ["CRITICAL"]}),
    Case("urgent", {"priorities": ["URGENT"]}),
    Case("of a category", {"categories": ["category 3"]}),
    Case("of a device", {"devices": ["device 8"]}),
    Case("of an assignee", {"assignees": ["person 3"]}),
    Case("of an assignee with few", {"assignees": ["newcomer"]}),
    Case("of an assignee with none", {"assignees": ["stranger"]}),
    Case("of nobody", {"assigned": False}),
    Case("of a reporter", {"reporters": ["reporter 7"]}),
    Case("of a label", {"labels": ["label 4"]}),
    Case("of a label that none has", {"labels": ["nothing"]}, ("UPDATED_AT", "DESC")),
    Case("of two labels, by severity", {"labels": ["label 4", "area 1"]}, ("SEVERITY", "DESC")),
    Case("of a person, open, urgent", {"assignees": ["person 3"], "statuses": ["OPEN"], "priorities": ["URGENT"]}),
    Case("search: a word that most have", {"search": "word0"}),
    Case("search: a word that some have", {"search": "word2500"}),
    Case("search: a word that few have", {"search": "seldom"}),
    Case("search: a word that none has", {"search": "nothing"}),
    Case("search: the newest that few have", {"search": "seldom"}, first=1),
    Case("search: the newest that most have", {"search": "word0"}, first=1),
    Case("search: two words", {"search": "word1 word20"}),
    Case("search: a beginning", {"search": "word49*"}),
    Case("search: a word, open, by severity", {"search": "word7", "statuses": ["OPEN"]}, ("SEVERITY", "DESC")),
)


class Tracker:
    """A database with so many bugs, and the engine over it."""

    def __init__(self, database: Database, project_id: int) -> None:
        hub = Hub(database, open_broadcast(None))
        self._engine = Engine(schema, Services(database, hub, Writer(database, ListPrices(), publish=hub.publish)))
        self._principal = Principal(1, "benchmark", Role.READER, project_id, "benchmark", None)
        self.database = database
        self.asked = 0
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, *_: Any) -> None:
        self.asked += 1

    async def page(self, case: Case, after: str | None = None, first: int | None = None) -> dict[str, Any]:
        """The page of a case."""
        order = dict(zip(("field", "direction"), case.order, strict=True)) if case.order else None
        variables = {"filter": case.filter, "orderBy": order, "first": first or case.first, "after": after}
        name = "Bugs" if "BugDetail" in case.document else None
        operation = self._engine.prepare(GraphQLRequest(case.document, variables, name))
        answer = await self._engine.execute(operation, self._principal, "benchmark")
        if answer.has_errors:
            raise RuntimeError(answer.body.decode())
        return dict(orjson.loads(answer.body)["data"]["bugs"])

    async def prepared(self, case: Case, first: int) -> Callable[[], Awaitable[object]]:
        """Asks for the page of a case, wherever it lies."""
        after = None
        for _ in range(3 if case.deep else 0):
            after = (await self.page(case, after, first=170))["pageInfo"]["endCursor"]
        return lambda: self.page(case, after, first)


async def load(server: str, bugs: int) -> Tracker:
    """A migrated database with so many bugs."""
    name = f"bugs_{bugs}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = server.rsplit("/", 1)[0] + f"/{name}"
    database = Database(url)
    await migrate(database)
    async with database.write() as session:
        project_id = (await create_project(session, name="bugs", actor="benchmark")).id
    connection = await asyncpg.connect(url)
    for statement in statements("bugs_load.sql"):
        await connection.execute(statement, *((project_id, bugs) if "$1::" in statement else ()))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return Tracker(database, project_id)


async def measure(server: str, arguments: argparse.Namespace) -> bool:
    trackers = []
    for bugs in (arguments.small, arguments.large):
        began = time.perf_counter()
        trackers.append(await load(server, bugs))
        print(f"{bugs:,} bugs in {time.perf_counter() - began:.0f} s", flush=True)
    gc.collect()
    gc.freeze()  # as the server does once it has started
    print(f"\n{'':40}{'bugs':>5}{'small':>10}{'large':>10}{'growth':>8}{'statements':>12}")
    held = True
    for case in CASES:
        found = len((await trackers[0].page(case))["edges"])
        runs = [await tracker.prepared(case, max(found, 1)) for tracker in trackers]
        counts = []
        for tracker, run in zip(trackers, runs, strict=True):
            tracker.asked = 0
            await run()
            counts.append(tracker.asked)
        small, large = await medians(*runs, rounds=arguments.rounds)
        growth = large / small
        fine = growth <= MOST_GROWTH and len(set(counts)) == 1
        held = held and fine
        took = f"{small * 1000:>7.1f} ms{large * 1000:>7.1f} ms"
        print(
            f"{case.name:40}{found:>5}{took}{growth:>8.2f}{counts[1]:>12}{'' if fine else '  <- too much'}", flush=True
        )
    for tracker in trackers:
        await tracker.database.close()
    print(f"\neach page may cost {MOST_GROWTH:.0f} times as much, in as many statements")
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=1_000, help="bugs of the small size")
    parser.add_argument("--large", type=int, default=100_000, help="bugs of the large size")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of which the median counts, in turns")
    parser.add_argument("--check", action="store_true", help="exit with 1 when the claim does not hold")
    arguments = parser.parse_args()
    with started("postgresql18-durable") as server:
        held = asyncio.run(measure(server.url, arguments))
    sys.exit(0 if held or not arguments.check else 1)


if __name__ == "__main__":
    main()
