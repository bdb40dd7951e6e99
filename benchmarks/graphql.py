"""What answers cost: from the cache, executed, and from a plain JSON endpoint; and what a replayed dashboard asks.

    python -m benchmarks.graphql            # half a minute
    python -m benchmarks.graphql --check

`vigie serve` on its embedded database is beside a Starlette application with one route that reads the same request and
answers the same bytes by JSONResponse, under the same server settings; both are asked in turns over 32 connections kept
alive. "Executed" is the small operation with `Cache-Control: no-store`. The dashboard is five operations of
tests/contract, loaded twenty times as a browser does, all at once, on a database to which nothing is committed
meanwhile: its statements are counted in the driver, with the cache and without.
"""

import argparse
import asyncio
import datetime as dt
import multiprocessing
import socket
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, cast

import orjson
import uvicorn
import uvloop
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.serving import new_key, serving
from integrations.answer_store import MIB, AnswerStore
from integrations.circuits import Circuits
from models import Database
from realtime.backends import open_broadcast
from realtime.hub import Hub
from resolvers.principals import Principal, Role
from resolvers.projects import create_project
from resolvers.revisions import Versions
from schema import schema
from schema.caching import Cache, CachingEngine
from schema.context import Services
from schema.execution import Engine
from schema.requests import GraphQLRequest
from tests.servers import free_port
from vigie.migrate import migrate
from vigie.protocols import Requests

CONTRACT = Path(__file__).parent.parent / "tests" / "contract"
CONNECTIONS = 32
LOADS = 20
LEAST_HIT = 0.5
LEAST_EXECUTED = 0.35
LEAST_SPARED = 0.7
PERIOD = {"last": "P7D"}
PANELS: list[tuple[str, str, dict[str, Any]]] = [
    ("metrics", "Dashboard", {"period": PERIOD}),
    ("metrics", "UsageEvents", {"period": PERIOD, "first": 20}),
    ("bugs", "BugStats", {"period": PERIOD}),
    ("recommendations", "Recommendations", {"first": 10}),
    ("activity", "RecentActivity", {"first": 20}),
]
SMALL = "{ declaredAttributes }"


class Client(asyncio.Protocol):
    """Sends the same request again and again, each when the answer to the one before is there."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._received = bytearray()
        self.answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self._received.lower().index(b"content-length:") + 15
        length = int(self._received[start : self._received.index(b"\r", start)])
        if len(self._received) < head + 4 + length:
            return
        if not self._received.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(bytes(self._received[:500]).decode())
        self._received.clear()
        self.answers += 1
        self._transport.write(self._request)


async def rate(address: tuple[str, int], request: bytes, seconds: float) -> float:
    """Answers a second."""
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: Client(request), *address) for _ in range(CONNECTIONS)]
    await asyncio.sleep(0.3)
    before, started = sum(client.answers for _, client in opened), time.perf_counter()
    await asyncio.sleep(seconds)
    answers, took = sum(client.answers for _, client in opened) - before, time.perf_counter() - started
    for transport, _ in opened:
        transport.close()
    return answers / took


def plain(port: int, answer: bytes) -> None:
    """The endpoint that answers are measured by."""
    data = orjson.loads(answer)

    async def endpoint(request: Request) -> JSONResponse:
        await request.json()
        return JSONResponse(data)

    app = Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])])
    uvicorn.run(app, port=port, loop="uvloop", http=Requests, log_config=None, access_log=False)


def until_open(port: int) -> None:
    """Waits for what listens there."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return


def request_of(key: str, query: str, **headers: str) -> bytes:
    body = orjson.dumps({"query": query})
    said = {"Host": "vigie", "Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers}
    lines = [f"{name}: {value}" for name, value in said.items()]
    return "\r\n".join(["POST /graphql HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def speeds(rounds: int, seconds: float) -> dict[str, float]:
    """Answers a second of each kind, the median of the rounds."""
    key, port = new_key(), free_port()
    with tempfile.TemporaryDirectory() as folder, serving(f"sqlite:///{folder}/vigie.db", key) as served:
        url = f"http://127.0.0.1:{served.address[1]}/graphql"
        said = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        asked = urllib.request.Request(url, orjson.dumps({"query": SMALL}), said)
        with urllib.request.urlopen(asked) as answer:
            data = answer.read()
        process = multiprocessing.get_context("spawn").Process(target=plain, args=(port, data), daemon=True)
        process.start()
        try:
            until_open(port)
            kinds = {
                "plain": (("127.0.0.1", port), request_of(key, SMALL)),
                "hit": (served.address, request_of(key, SMALL)),
                "executed": (served.address, request_of(key, SMALL, **{"Cache-Control": "no-store"})),
            }
            rates: dict[str, list[float]] = {kind: [] for kind in kinds}
            for _ in range(rounds):
                for kind, (address, request) in kinds.items():
                    rates[kind].append(uvloop.run(rate(address, request, seconds)))
        finally:
            process.kill()
            process.join()
    return {kind: statistics.median(found) for kind, found in rates.items()}


async def statements() -> tuple[int, int]:
    """Statements of twenty loads of the dashboard: without the cache, and with it."""
    nothing: Any = None
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/vigie.db")
        await migrate(database)
        async with database.write() as session:
            project = await create_project(session, name="dashboard", actor="benchmark")
        store = AnswerStore(Circuits(), most_bytes=64 * MIB)
        await store.start()
        async with Hub(database, open_broadcast(None)) as hub:
            services = Services(database, hub, nothing)
            cache = Cache(Versions(database), store, "benchmark", hub)
            principal = Principal(1, "benchmark", Role.READER, project.id, project.name)
            counts = [
                await _counted(engine, database, principal)
                for engine in (Engine(schema, services), CachingEngine(schema, services, cache))
            ]
        await store.close()
        await database.close()
    return counts[0], counts[1]


async def _counted(engine: Engine, database: Database, principal: Principal) -> int:
    executed = 0

    def count(*_: object) -> None:
        nonlocal executed
        executed += 1

    operations = [
        engine.prepare(GraphQLRequest((CONTRACT / f"{name}.graphql").read_text(), variables, operation))
        for name, operation, variables in PANELS
    ]
    sync = database._reader.sync_engine  # noqa: SLF001 — no one else needs to watch it
    event.listen(sync, "before_cursor_execute", count)
    for _ in range(LOADS):
        answers = await asyncio.gather(*(engine.execute(one, principal, "benchmark") for one in operations))
        assert not any(answer.has_errors for answer in answers), answers
    event.remove(sync, "before_cursor_execute", count)
    return executed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each kind is measured")
    parser.add_argument("--seconds", type=float, default=2.0, help="for how long each time")
    parser.add_argument("--check", action="store_true", help="fail when a claim does not hold")
    given = parser.parse_args()

    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {CONNECTIONS} connections")
    found = speeds(given.rounds, given.seconds)
    for kind, speed in found.items():
        print(f"  {kind:10} {speed:8,.0f} answers/s   {speed / found['plain']:.2f} of plain")
    without, having = asyncio.run(statements())
    spared = 1 - having / without
    print(f"  dashboard, {LOADS} loads: {without:,} statements without, {having:,} with the cache: {spared:.0%} fewer")
    held = {
        f"a hit at least {LEAST_HIT:.0%} as fast as plain": found["hit"] >= LEAST_HIT * found["plain"],
        f"executed at least {LEAST_EXECUTED:.0%}": found["executed"] >= LEAST_EXECUTED * found["plain"],
        f"at least {LEAST_SPARED:.0%} fewer statements": spared >= LEAST_SPARED,
    }
    for claim, holds in held.items():
        print(f"  {'holds' if holds else 'FAILS'}: {claim}")
    if given.check and not all(held.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
