"""The database of the ingest benchmark: what it holds beforehand, bare COPY, and a watch over the roll-ups."""

import asyncio
import datetime as dt
import threading
import time
from functools import lru_cache
from types import TracebackType
from typing import Self

import asyncpg

from benchmarks.traffic import batches
from integrations.prices import ListPrices
from models import Database
from models.partitions import ensure_months, month_of
from resolvers.events.checks import Checked, Checker, Row
from resolvers.events.decoding import from_json
from resolvers.events.stores import USAGE
from resolvers.events.terms import IngestTerms
from resolvers.prices.book import PriceBook
from resolvers.projects import get_project
from resolvers.rollups.lags import lags
from resolvers.rollups.rebuild import build
from vigie.bootstrap import bootstrap
from vigie.migrate import migrate

DAYS = 30
BATCHES = 100
SAMPLE_SECONDS = 0.2
PATIENCE = 300.0

FACTS = """
INSERT INTO usage_events (project_id, time, id, seq, provider, model, operation, subject, environment, trace_id, status,
  duration_ms, time_to_first_token_ms, uncached_tokens, cache_read_tokens, cache_write_tokens, visible_tokens,
  reasoning_tokens, cost_picousd, cost_source, estimated, attributes)
SELECT $1::int, $2::timestamptz + n * ($3::interval / $4::int), substr(md5(n::text), 1, 24), n + 1, 'openai', 'gpt-4o',
  'chat', 'customer-' || lpad(floor($5::int * random() ^ 2)::text, 5, '0'), 'production', md5(n::text), 'ok',
  exp(6 + random() + random()), exp(4 + random()), 100 + (random() * 1000)::int, (random() * 100)::int, 0,
  (random() * 500)::int, 0, (random() * 1e10)::bigint, 'book', false, '{"feature": "summary", "stream": true}'
FROM generate_series(0, $4::int - 1) n
"""
COMMITS = """
INSERT INTO commits (project_id, first_seq, last_seq, min_time, max_time, committed_at)
SELECT $1::int, seq, least(seq + 4999, $4::int), $2::timestamptz, $2::timestamptz + $3::interval, now()
FROM generate_series(1, $4::int, 5000) seq
"""
COUNTER = "UPDATE counters SET last_seq = $2 WHERE project_id = $1"


async def prepare(url: str, key: str, rows: int, subjects: int) -> int:
    """Migrates, lets the admin key in, stores and rolls up so many events; answers the project."""
    database = Database(url)
    connection = await asyncpg.connect(url)
    try:
        await migrate(database)
        await bootstrap(database, admin_key=key)
        async with database.read() as session:
            project = await get_project(session, name="default")
        assert project
        await connection.execute("CREATE TABLE bare (LIKE usage_events)")
        if rows:
            print(f"storing {rows:,} events ...", flush=True)
            span = dt.timedelta(days=DAYS)
            start = dt.datetime.now(dt.UTC) - span
            await ensure_months(connection, {month_of(start + dt.timedelta(days=day)) for day in range(DAYS + 1)})
            await connection.execute(FACTS, project.id, start, span, rows, subjects)
            await connection.execute(COMMITS, project.id, start, span, rows)
            await connection.execute(COUNTER, project.id, rows)
            await build(database, project.id)
        await connection.execute("VACUUM ANALYZE")
        return project.id
    finally:
        await connection.close()
        await database.close()


async def bare_copy(url: str, subjects: int) -> float:
    """Rows a second of bare COPY."""
    copied = _rows(subjects)
    connection = await asyncpg.connect(url)
    await connection.execute("TRUNCATE bare")
    started = time.perf_counter()
    for rows in copied:
        await connection.copy_records_to_table("bare", records=rows, columns=USAGE.columns)
    seconds = time.perf_counter() - started
    await connection.close()
    return sum(len(rows) for rows in copied) / seconds


@lru_cache(1)
def _rows(subjects: int) -> list[list[Row]]:
    now = dt.datetime.now(dt.UTC)
    terms = IngestTerms(floor=now - dt.timedelta(days=1), book=PriceBook([], ListPrices()))
    checker = Checker(project_id=1, now=now, terms=terms, suspect=False)
    copied = []
    for body in batches(seed=-1, number=BATCHES, size=1000, subjects=subjects):
        checked = Checked()
        checker.check(from_json(body).events, checked)
        copied.append(checked.usage)
    return copied


class Watch:
    """Looks, from a thread of its own, how far the roll-ups are behind. `most_behind` is in seconds."""

    def __init__(self, url: str) -> None:
        self.most_behind = 0.0
        self.behind = 0.0
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._look()))

    def until_folded(self) -> float:
        """Waits until the roll-ups are complete; answers how many seconds that took."""
        started = time.monotonic()
        self.behind = 1.0
        while self.behind:
            if time.monotonic() - started > PATIENCE:
                raise RuntimeError("the roll-ups do not catch up")
            time.sleep(SAMPLE_SECONDS)
        return time.monotonic() - started

    async def _look(self) -> None:
        database = Database(self._url, pool_size=1)
        while not self._stop.is_set():
            async with database.read() as session:
                now = dt.datetime.now(dt.UTC)
                self.behind = max((lag.seconds(now) for lag in await lags(session)), default=0.0)
            self.most_behind = max(self.most_behind, self.behind)
            await asyncio.sleep(SAMPLE_SECONDS)
        await database.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
