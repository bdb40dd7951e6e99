"""A million calls leave through one process, which hardly grows, and add up to what the query answers."""

import csv
import json
import threading
import time
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import pytest

from tests.running import Vigie

CALLS = 1_000_000
MOST_BYTES = 64 << 20
PERIOD = {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}
TOTALS = "query ($p: PeriodInput!) { metrics(period: $p) { usage { totals { requests costUsd tokens { total } } } } }"


def resident(pid: int) -> int:
    """The bytes that a process holds in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


class Peak:
    """The most memory that a process held meanwhile."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.bytes = max(self.bytes, resident(self._pid))


def fill(client: httpx2.Client) -> None:
    for start in range(0, CALLS, 10_000):
        events = [
            {
                "type": "usage",
                "id": f"e{number}",
                "time": f"2026-10-{1 + number % 31:02}T{number % 24:02}:00:00.{number % 10**6:06}Z",
                "model": "gpt-4o",
                "provider": "openai",
                "subject": f"subject {number % 100}",
                "tokens": {"input": number % 5000, "output": number % 700},
                "durationMs": number % 1000,
            }
            for number in range(start, start + 10_000)
        ]
        answer = client.post("/v1/events", content=json.dumps({"events": events}))
        assert answer.json()["accepted"] == len(events)


def totals(client: httpx2.Client) -> dict[str, Any]:
    answer = client.post("/graphql", json={"query": TOTALS, "variables": {"p": PERIOD}}).json()
    found: dict[str, Any] = answer["data"]["metrics"]["usage"]["totals"]
    return found


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_million_rows_take_less_than_64_megabytes(vigie: Vigie, encoding: str) -> None:
    headers = {**vigie.headers, "Content-Type": "application/json", "Accept-Encoding": encoding}
    with httpx2.Client(base_url=vigie.url, headers=headers, timeout=120) as client:
        fill(client)
        while 'vigie_rollup_facts_behind{watermark="series"} 0.0' not in client.get("/metrics").text:
            time.sleep(1)
        answer = totals(client)
        idle = resident(vigie.pid)
        rows, cost, tokens = 0, Decimal(0), 0
        with Peak(vigie.pid) as peak, client.stream("GET", "/export/usage.csv", params=PERIOD) as file:
            for row in csv.DictReader(file.iter_lines()):
                rows += 1
                cost += Decimal(row["costUsd"])
                tokens += int(row["tokens.input"]) + int(row["tokens.output"])
        print(f"{(peak.bytes - idle) >> 20} MiB above {idle >> 20} MiB")
        assert peak.bytes - idle < MOST_BYTES
    assert rows == answer["requests"] == CALLS
    assert (cost, tokens) == (Decimal(answer["costUsd"]), answer["tokens"]["total"])
