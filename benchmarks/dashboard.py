"""What the dashboard costs at one million events and at ten, and what the same figures cost from the raw rows.

    python -m benchmarks.dashboard                        # 1 and 10 million events: some minutes, 6 GB of disk
    python -m benchmarks.dashboard --small 100000 --large 1000000 --check

Ninety whole days in UTC, 10 models, 100 routes, 500 subjects at both sizes; half of the events are model calls, half
API calls. The document is `Dashboard` of tests/contract/metrics.graphql, run by the engine that the server runs. The
baseline is PostgreSQL answering the document's aggregates from the facts, in the same run.
"""

import argparse
import asyncio
import datetime as dt
import gc
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from integrations.prices import ListPrices
from models import Database
from models.partitions import ensure_months, month_of
from realtime.backends import open_broadcast
from realtime.hub import Hub
from resolvers.events.writer import Writer
from resolvers.principals import Principal, Role
from resolvers.projects import create_project
from resolvers.rollups.rebuild import build
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.requests import GraphQLRequest
from tests.servers import started
from vigie.migrate import migrate

DOCUMENT = Path(__file__).parent.parent / "tests" / "contract" / "metrics.graphql"
DAYS = 90
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
END = START + dt.timedelta(days=DAYS)
MOST_GROWTH = 1.5
LEAST_GAIN = 20.0


def statements(name: str) -> list[str]:
    """The statements of a file beside this one."""
    return (Path(__file__).parent / name).read_text().split(";\n")


async def load(url: str, events: int) -> tuple[Database, int]:
    """A migrated database with so many events, all of them rolled up."""
    database = Database(url)
    await migrate(database)
    async with database.write() as session:
        project_id = (await create_project(session, name="dashboard", actor="benchmark")).id
    connection = await asyncpg.connect(url)
    span, half = dt.timedelta(days=DAYS), events // 2
    await ensure_months(connection, {month_of(START + dt.timedelta(days=day)) for day in range(DAYS)})
    for statement in statements("dashboard_load.sql"):
        await connection.execute(statement, project_id, START, span, half)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    await build(database, project_id)
    connection = await asyncpg.connect(url)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return database, project_id


async def medians(*runs: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Seconds of the median round of each, in turns, so that the machine's other work meets them alike."""
    took: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, seconds in zip(runs, took, strict=True):
            started = time.perf_counter()
            await run()
            seconds.append(time.perf_counter() - started)
    return [statistics.median(seconds) for seconds in took]


def dashboard(database: Database, project_id: int) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Runs the document once."""
    hub = Hub(database, open_broadcast(None))
    engine = Engine(schema, Services(database, hub, Writer(database, ListPrices(), publish=hub.publish)))
    period = {"from": START.isoformat(), "to": END.isoformat(), "timeZone": "UTC"}
    request = GraphQLRequest(query=DOCUMENT.read_text(), variables={"period": period}, operation_name="Dashboard")
    operation = engine.prepare(request)
    principal = Principal(1, "benchmark", Role.READER, project_id, "benchmark", None)

    async def run() -> dict[str, Any]:
        answer = await engine.execute(operation, principal, "benchmark")
        if answer.has_errors:
            raise RuntimeError(answer.body.decode())
        return dict(orjson.loads(answer.body)["data"]["metrics"])

    return run


async def raw(url: str, project_id: int) -> float:
    """Seconds that the raw rows take for the same aggregates."""
    connection = await asyncpg.connect(url)
    started = time.perf_counter()
    for statement in statements("dashboard_raw.sql"):
        await connection.fetch(statement, project_id, START, END)
    took = time.perf_counter() - started
    await connection.close()
    return took


async def measure(server: str, arguments: argparse.Namespace) -> bool:
    databases, runs = [], {}
    for events in (arguments.small, arguments.large):
        name = f"dashboard_{events}"
        connection = await asyncpg.connect(server)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        url = server.rsplit("/", 1)[0] + f"/{name}"
        print(f"loading {events:,} events ...", flush=True)
        started = time.perf_counter()
        database, project_id = await load(url, events)
        print(f"  {time.perf_counter() - started:.0f} s, roll-ups included", flush=True)
        databases.append(database)
        run = runs[events] = dashboard(database, project_id)
        answer = await run()
        counted = answer["usage"]["totals"]["requests"] + answer["api"]["totals"]["requests"]
        if counted != events // 2 * 2:
            raise RuntimeError(f"the dashboard counts {counted} of {events} events")
    gc.collect()
    gc.freeze()  # as the server does once it has started
    small, large = await medians(runs[arguments.small], runs[arguments.large], rounds=arguments.rounds)
    from_raw = await raw(url, project_id)
    print(
        f"dashboard: {small * 1000:.0f} ms and {large * 1000:.0f} ms; from raw rows: {from_raw * 1000:.0f} ms",
        flush=True,
    )
    for database in databases:
        await database.close()
    growth, gain = large / small, from_raw / large
    print(
        f"\n{arguments.large:,} events cost {growth:.2f} times as much as {arguments.small:,} (at most {MOST_GROWTH})"
    )
    print(f"raw rows cost {gain:.0f} times as much as the dashboard: at least {LEAST_GAIN:.0f}")
    return growth <= MOST_GROWTH and gain >= LEAST_GAIN


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=1_000_000, help="events of the small size")
    parser.add_argument("--large", type=int, default=10_000_000, help="events of the large size")
    parser.add_argument(
        "--rounds", type=int, default=9, help="rounds of which the median counts, the two sizes in turns"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a claim does not hold")
    arguments = parser.parse_args()
    with started("postgresql18-durable") as server:
        held = asyncio.run(measure(server.url, arguments))
    sys.exit(0 if held or not arguments.check else 1)


if __name__ == "__main__":
    main()
