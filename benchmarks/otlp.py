"""How fast spans come in by OTLP, beside the same events by `POST /v1/events` in the same run, and whether all came.

    python -m benchmarks.otlp --check

One `vigie serve` stores and rolls up; another process sends, 500 events a request (an exporter's batch has at most
512), by eight connections. The doors take turns, and both get the same events: model calls with cached and reasoning
tokens, a subject and three attributes, which are 13 attributes of a span. Rates are in events a second, committed when
they are answered; the best round counts on both sides, since whatever else the machine does only slows. At the end each
event is looked for in the log and in the roll-ups.
"""

import argparse
import sys

import uvloop

from benchmarks.ingest import report
from benchmarks.ingest_checks import inspect
from benchmarks.ingest_database import Watch, prepare
from benchmarks.load import DOORS, Load
from benchmarks.serving import new_key, serving
from tests.servers import started

LEAST_SHARE = 0.5
SIZE = 500
CONNECTIONS = 8
SUBJECTS = 500


def measure(url: str, *, events: int, rounds: int) -> bool:
    """Measures, checks, prints; answers whether every claim held."""
    key = new_key()
    project_id = uvloop.run(prepare(url, key, 0, SUBJECTS))
    best = dict.fromkeys(DOORS, 0.0)
    accepted = 0
    with serving(url, key) as served, Load(served.address, served.key) as load, Watch(url) as watch:
        for seed in range(rounds + 1):
            for door in DOORS:
                number = events // SIZE if seed else CONNECTIONS  # the first one warms up
                sent = load.run(
                    connections=CONNECTIONS, door=door, seed=seed, number=number, size=SIZE, subjects=SUBJECTS
                )
                if sent.events != number * SIZE:
                    raise RuntimeError(f"{number * SIZE} events were sent, and this came of them: {sent}")
                accepted += sent.events
                if seed:
                    best[door] = max(best[door], sent.rate)
                    print(f"  {door}: {sent.rate:>9,.0f}", flush=True)
        watch.until_folded()
    held = report("OTLP, share of POST /v1/events", best["otlp"] / best["json"], LEAST_SHARE)
    problems = uvloop.run(inspect(url, project_id=project_id, accepted=accepted))
    for problem in problems:
        print(f"WRONG: {problem}")
    if not problems:
        print("every event is there once, numbered without a hole, and rolled up")
    return held and not problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url", help="a PostgreSQL server (default: one of the tests' own)")
    parser.add_argument("--events", type=int, default=100_000, help="events of one round (default: 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the best counts (default: 5)")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a claim does not hold")
    arguments = parser.parse_args()
    if arguments.database_url:
        held = measure(arguments.database_url, events=arguments.events, rounds=arguments.rounds)
    else:
        with started("postgresql18-durable") as server:
            held = measure(server.url, events=arguments.events, rounds=arguments.rounds)
    sys.exit(0 if held or not arguments.check else 1)


if __name__ == "__main__":
    main()
