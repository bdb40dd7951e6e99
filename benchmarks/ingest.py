"""How fast events come in over HTTP, beside bare COPY of the same rows in the same run, and whether all of them came.

    python -m benchmarks.ingest --check                                  # some minutes
    python -m benchmarks.ingest --rows 10000000 --subjects 5000 --check  # into ten million rows: 10 GB of disk

One `vigie serve` stores and rolls up; another process sends. Bare COPY is asyncpg's, in batches of 1,000 rows with the
same columns, into a table without an index, in turns with the runs. Rates are in events a second; the best round counts
on both sides, since whatever else the machine does only slows.
"""

import argparse
import datetime as dt
import sys
from collections.abc import Callable

import uvloop

from benchmarks.ingest_checks import inspect, provoke
from benchmarks.ingest_database import Watch, bare_copy, prepare
from benchmarks.load import Load, Sent
from benchmarks.serving import Served, new_key, serving
from tests.servers import started

SMALL, LARGE = 0, 10_000_000
SHARES = {SMALL: {1000: 0.35, 100: 0.30}, LARGE: {1000: 0.20, 100: 0.15}}
LAGS = {SMALL: 5.0, LARGE: 30.0}
CONNECTIONS = {1000: 8, 100: 32, 1: 200}
LEAST_GAIN = 6.0
"""Of group commit over a transaction for each request."""


class Benchmark:
    """One run of everything on one database."""

    def __init__(self, url: str, arguments: argparse.Namespace) -> None:
        self.url = url
        self.key = new_key()
        self.seed = 0
        self.start = dt.datetime.now(dt.UTC)
        self.accepted = arguments.rows
        self.rows: int = arguments.rows
        self.subjects: int = arguments.subjects
        self.events: int = arguments.events
        self.rounds: int = arguments.rounds
        self.size = LARGE if arguments.rows >= LARGE else SMALL

    def run(self) -> bool:
        """Measures, checks, prints; answers whether every claim held."""
        project_id = uvloop.run(prepare(self.url, self.key, self.rows, self.subjects))
        held = []
        with serving(self.url, self.key) as served, self._load(served) as load:
            self._send(load, 1000, 20, now=self.start)
            with Watch(self.url) as watch:
                for size in (1000, 100):
                    share = self._share(load, size)
                    held.append(report(f"batches of {size:,}, share of bare COPY", share, SHARES[self.size][size]))
                behind = watch.most_behind
                watch.until_folded()
            held.append(report("roll-ups behind, seconds", behind, LAGS[self.size], most=True))
            grouped = self._alone(load, requests=self.events // 15)
        with serving(self.url, self.key, rows_a_transaction=1) as served, self._load(served) as load:
            single = self._alone(load, requests=self.events // 150)
        print(f"200 clients, one event a request: {grouped:,.0f}; a transaction for each request: {single:,.0f}")
        held.append(report("group commit, times as fast", grouped / single, LEAST_GAIN))
        with serving(self.url, self.key) as served, Watch(self.url) as watch:
            accepted, problems = uvloop.run(provoke(served, seed=self.seed, subjects=self.subjects, start=self.start))
            watch.until_folded()
        problems += uvloop.run(inspect(self.url, project_id=project_id, accepted=self.accepted + accepted))
        for problem in problems:
            print(f"WRONG: {problem}")
        if not problems:
            print("every event is there once, numbered without a hole, and rolled up")
        return all(held) and not problems

    def _load(self, served: Served) -> Load:
        return Load(served.address, served.key)

    def _share(self, load: Load, size: int) -> float:
        """The best rate of some rounds, as a share of the best of bare COPY in turns with it."""
        bare, sent = [], []
        for _ in range(self.rounds):
            bare.append(uvloop.run(bare_copy(self.url, self.subjects)))
            sent.append(self._send(load, size, self.events // size).rate)
            print(f"  {size:>5} a request: {sent[-1]:>9,.0f}   bare COPY: {bare[-1]:>9,.0f}", flush=True)
        return max(sent) / max(bare)

    def _alone(self, load: Load, *, requests: int) -> float:
        """The best rate of one-event requests of 200 clients."""
        self._send(load, 1, 2_000)
        return max(self._send(load, 1, requests).rate for _ in range(self.rounds))

    def _send(self, load: Load, size: int, requests: int, now: dt.datetime | None = None) -> Sent:
        self.seed += 1
        sent = load.run(
            connections=CONNECTIONS[size],
            seed=self.seed,
            number=requests,
            size=size,
            subjects=self.subjects,
            now=now,
        )
        if sent.events != requests * size:
            raise RuntimeError(f"{requests * size} events were sent, and this came of them: {sent}")
        self.accepted += sent.events
        return sent


def report(what: str, measured: float, claimed: float, *, most: bool = False) -> bool:
    """Prints a figure beside its claim; answers whether that holds."""
    holds: Callable[[float, float], bool] = (lambda a, b: a <= b) if most else (lambda a, b: a >= b)
    held = holds(measured, claimed)
    bound = "at most" if most else "at least"
    print(f"{what:<44} {measured:8.2f}   {bound} {claimed:g}: {'held' if held else 'NOT HELD'}")
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url", help="a PostgreSQL server (default: one of the tests' own)")
    parser.add_argument("--rows", type=int, default=0, help="rows that are there before (default: 0)")
    parser.add_argument("--subjects", type=int, default=500, help="distinct subjects (default: 500)")
    parser.add_argument("--events", type=int, default=150_000, help="events of one round (default: 150000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the best counts (default: 5)")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a claim does not hold")
    arguments = parser.parse_args()
    if arguments.database_url:
        held = Benchmark(arguments.database_url, arguments).run()
    else:
        with started("postgresql18-durable") as server:
            held = Benchmark(server.url, arguments).run()
    sys.exit(0 if held or not arguments.check else 1)


if __name__ == "__main__":
    main()
