"""How fast one stream reaches a thousand sockets, beside a bare Starlette loop and Strawberry's own way, in one run.

    python -m benchmarks.fanout --check        # a minute

A real `vigie serve` takes events one by one over HTTP, stores them, and tells them to sockets. The bare loop sends the
same bytes to as many sockets, under the same uvicorn with the same settings; Strawberry's application executes an equal
subscription for each. The same clients read from all. Deliveries are messages that arrived, while one event follows
when all clients have got the one before. The servers take turns, and the best round counts for each: whatever else the
machine does only slows.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.fanout_clients import Audience, Heard, Plan
from benchmarks.serving import new_key, serving
from benchmarks.traffic import batches
from tests.servers import free_port

DOCUMENT = """
subscription Activity($after: String) {
  activity(after: $after) {
    cursor missed
    events { id time kind title subject severity node { __typename id } }
  }
}
"""
SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": DOCUMENT}}
PATIENCE = 30.0
A_SECOND = 20
PACED_SECONDS = 3
LEAST_SHARE, LEAST_TIMES, MOST_LATENCY = 0.7, 5.0, 2.0


def run(sockets: int, events: int, rounds: int) -> bool:
    """Measures, prints; answers whether every claim held."""
    key = new_key()
    init = {"type": "connection_init", "payload": {"apiKey": key}}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vigie-benchmark-"))
        served = stack.enter_context(serving(f"sqlite:///{folder}/vigie.db", key))
        vigie = stack.enter_context(
            Audience(
                Plan(
                    served.address,
                    sockets,
                    first_messages=[init, SUBSCRIBE],
                    answered=True,
                    path="/v1/events",
                    headers={"X-API-Key": key, "Content-Type": "application/json"},
                    bodies=batches(seed=1, number=10_000, size=1, subjects=500),
                )
            )
        )
        said = vigie.run(1).sample
        bare, stock = [
            stack.enter_context(
                Audience(
                    Plan(
                        stack.enter_context(compared(name)),
                        sockets,
                        first_messages=first,
                        answered=name == "bare",
                        path="/publish",
                        headers={},
                        bodies=[said],
                    )
                )
            )
            for name, first in (("bare", [init]), ("strawberry", [init, SUBSCRIBE]))
        ]
        print(f"{sockets:,} sockets, messages of {len(said)} bytes")
        names = {"bare": bare, "strawberry": stock, "vigie": vigie}
        fast: dict[str, list[Heard]] = {name: [] for name in names}
        slow: dict[str, list[Heard]] = {"bare": [], "vigie": []}
        for _ in range(rounds):
            for name, audience in names.items():
                fast[name].append(audience.run(events if name != "strawberry" else max(1, events // 5)))
            for name, paced in slow.items():
                paced.append(names[name].run(A_SECOND * PACED_SECONDS, every=1 / A_SECOND))
    return judge(fast, slow)


def judge(fast: dict[str, list[Heard]], slow: dict[str, list[Heard]]) -> bool:
    """Prints what was measured; answers whether every claim held."""
    rates = {name: max(heard.rate for heard in rounds) for name, rounds in fast.items()}
    for name, rate in rates.items():
        print(f"{name:12} {rate:10,.0f} deliveries a second")
    latencies = {name: min(heard.percentile(0.99) for heard in rounds) for name, rounds in slow.items()}
    for name, rounds in slow.items():
        half = min(heard.percentile(0.5) for heard in rounds)
        print(f"{name:12} at {A_SECOND} events a second: p50 {half * 1e3:.1f} ms, p99 {latencies[name] * 1e3:.1f} ms")
    return all(
        [
            report("share of the bare loop", rates["vigie"] / rates["bare"], LEAST_SHARE),
            report("times Strawberry's own", rates["vigie"] / rates["strawberry"], LEAST_TIMES),
            report("p99 by the bare loop's", latencies["vigie"] / latencies["bare"], MOST_LATENCY, most=True),
        ]
    )


def report(what: str, figure: float, bound: float, *, most: bool = False) -> bool:
    """Prints a figure beside its bound; answers whether it holds."""
    holds = figure <= bound if most else figure >= bound
    print(f"{what}: {figure:.2f} ({'at most' if most else 'at least'} {bound}){'' if holds else '  MISSED'}")
    return holds


@contextmanager
def compared(name: str) -> Iterator[tuple[str, int]]:
    """One of the servers of `fanout_servers`; its address."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.fanout_servers", name, str(port)])
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=PATIENCE).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Reads the arguments and runs."""
    parser = argparse.ArgumentParser(description="How fast a stream reaches many sockets.")
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--events", type=int, default=50, help="events in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="fail when a claim does not hold")
    arguments = parser.parse_args()
    held = run(arguments.sockets, arguments.events, arguments.rounds)
    if arguments.check and not held:
        sys.exit(1)


if __name__ == "__main__":
    main()
