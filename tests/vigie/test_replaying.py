"""Traces, sent by the real command to a real server, as often as one likes."""

import datetime as dt
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.databases import only_sqlite
from tests.running import Vigie

SOME_DAY = dt.datetime(2023, 11, 16, 18, 15, tzinfo=dt.UTC)
TOTALS = """
query ($period: PeriodInput!, $after: String) {
  metrics(period: $period) {
    usage { totals { requests tokens { input output } } }
    api {
      totals { requests responseBytes }
      breakdown(by: ROUTE, orderBy: REQUESTS, first: 40, after: $after) {
        edges { node { key totals { requests } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""


def replay(vigie: Vigie, *arguments: str, input: bytes | None = None) -> str:  # noqa: A002
    """Runs `vigie replay`; answers what it printed on standard output."""
    run = subprocess.run(
        [sys.executable, "-m", "vigie.cli", "replay", *arguments, "--url", vigie.url],
        env=vigie._environment,
        input=input,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode()


def metrics(vigie: Vigie, **period: str) -> tuple[dict[str, Any], Counter[str]]:
    """The totals of a period, and the requests by route, from all pages."""
    routes: Counter[str] = Counter()
    after = None
    while True:
        body = json.dumps({"query": TOTALS, "variables": {"period": period, "after": after}}).encode()
        headers = {"Content-Type": "application/json", **vigie.headers}
        with urllib.request.urlopen(urllib.request.Request(f"{vigie.url}/graphql", body, headers)) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        data: dict[str, Any] = found["data"]["metrics"]
        page = data["api"]["breakdown"]
        routes.update({edge["node"]["key"]: edge["node"]["totals"]["requests"] for edge in page["edges"]})
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return data, routes


@pytest.fixture
def azure(tmp_path: Path) -> Path:
    """A trace of 2,500 model calls in the form of the Azure LLM traces."""
    pick = random.Random(1)
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"]
    for number in range(2_500):
        time = SOME_DAY + dt.timedelta(seconds=number * 1.4, microseconds=pick.randrange(10**6))
        lines.append(f"{time:%Y-%m-%d %H:%M:%S.%f}0,{pick.randrange(2, 4000)},{pick.randrange(1, 900)}")
    file = tmp_path / "azure.csv"
    file.write_text("\n".join(lines))
    return file


def tokens(azure: Path) -> dict[str, Any]:
    rows = [line.split(",") for line in azure.read_text().splitlines()[1:]]
    summed = {"input": sum(int(row[1]) for row in rows), "output": sum(int(row[2]) for row in rows)}
    return {"requests": len(rows), "tokens": summed}


def test_a_trace_sent_twice_is_there_once(vigie: Vigie, azure: Path) -> None:
    assert replay(vigie, str(azure)).startswith("2,500 sent · 2,500 accepted · 0 duplicates · 0 rejected")
    assert replay(vigie, str(azure)).startswith("2,500 sent · 0 accepted · 2,500 duplicates · 0 rejected")
    period = {"from": "2023-11-16T00:00:00Z", "to": "2023-11-17T00:00:00Z"}
    assert metrics(vigie, **period)[0]["usage"]["totals"] == tokens(azure)


def test_an_access_log_gives_the_counts_of_its_lines(vigie: Vigie, tmp_path: Path) -> None:
    pick = random.Random(2)
    routes = [f"/page/{number}" for number in range(90)] + ["/caf%C3%A9", "/a;b", "/" + "x" * 600]
    lines, counted, size = [], Counter[str](), 0
    for number in range(1_200):
        route, sent = pick.choice(routes), pick.choice([None, 0, 17, 203023])
        counted[route] += 1
        size += sent or 0
        asked = f"GET {route}{pick.choice(['', '?q=1', '?'])} HTTP/1.1"
        at = SOME_DAY + dt.timedelta(seconds=number * 60)
        lines.append(f'::1 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "{asked}" 200 {"-" if sent is None else sent} "-" "x"')
    log = tmp_path / "access.log"
    log.write_text("\n".join([*lines, "garbage"]))
    for _ in range(2):
        assert " 0 rejected · 1 malformed" in replay(vigie, str(log))
    data, found = metrics(vigie, **{"from": "2023-11-16T00:00:00Z", "to": "2023-11-18T00:00:00Z"})
    assert found == counted
    assert data["api"]["totals"] == {"requests": 1_200, "responseBytes": size}


@only_sqlite
def test_a_shifted_trace_ends_now_and_is_there_once(vigie: Vigie, azure: Path) -> None:
    for _ in range(2):
        replay(vigie, str(azure), "--shift-to-now")
        time.sleep(1.1)
    assert metrics(vigie, last="PT2H")[0]["usage"]["totals"] == tokens(azure)


@only_sqlite
def test_standard_input_is_the_same_trace_as_the_file(vigie: Vigie, azure: Path) -> None:
    assert "2,500 accepted" in replay(vigie, "-", input=azure.read_bytes())
    assert "2,500 duplicates" in replay(vigie, str(azure))


@only_sqlite
def test_a_replay_waits_while_the_server_starts_again(vigie: Vigie, azure: Path) -> None:
    vigie.kill()
    command = [sys.executable, "-m", "vigie.cli", "replay", str(azure), "--url", vigie.url]
    with subprocess.Popen(command, env=vigie._environment, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        assert "does not answer" in waiting.stderr.readline()
        vigie.restart()
        assert waiting.wait(60) == 0
    period = {"from": "2023-11-16T00:00:00Z", "to": "2023-11-17T00:00:00Z"}
    assert metrics(vigie, **period)[0]["usage"]["totals"] == tokens(azure)


@only_sqlite
def test_the_demo_is_there_once(vigie: Vigie) -> None:
    def demo() -> str:
        command = [sys.executable, "-m", "vigie.cli", "demo", "--days", "1", "--url", vigie.url]
        environment = {**vigie._environment, "PATH": os.environ["PATH"]}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout

    first, second = demo(), demo()
    accepted = int(first.split(" accepted")[0].rpartition(" ")[2].replace(",", ""))
    assert accepted > 10_000
    assert f"{accepted:,} duplicates" in second
