"""After the load: what comes late, twice or broken, and whether the log holds all that was acknowledged, once."""

import datetime as dt
import random

import asyncpg
import orjson

from benchmarks.load import send
from benchmarks.serving import Served
from benchmarks.traffic import batches, usage_event

CLIENTS = 20


async def provoke(served: Served, *, seed: int, subjects: int, start: dt.datetime) -> tuple[int, list[str]]:
    """Sends duplicates and poison among good events; answers how many were accepted, and what went wrong.

    The first batches of the benchmark, which come again here, had the seed 1 and the time `start`.
    """
    problems = []

    async def expect(what: str, bodies: list[bytes], accepted: int, duplicates: int, rejected: int) -> int:
        sent = await send(served.address, served.key, bodies, CLIENTS)
        if (sent.events, sent.duplicates, sent.rejected) != (accepted, duplicates, rejected):
            problems.append(f"{what}: {sent} instead of {accepted}, {duplicates} and {rejected}")
        return sent.events

    old = batches(seed=1, number=20, size=1000, subjects=subjects, now=start)
    new = batches(seed=seed + 1, number=CLIENTS, size=50, subjects=subjects)
    late = [_joined(body, old[7], 10) for body in batches(seed=seed + 2, number=CLIENTS, size=50, subjects=subjects)]
    accepted = await expect("new events", new, 50 * CLIENTS, 0, 0)
    accepted += await expect("whole batches sent again", [*new, *new], 0, 2 * 50 * CLIENTS, 0)
    accepted += await expect("late duplicates among new events", late, 50 * CLIENTS, 10 * CLIENTS, 0)
    poisoned = batches(seed=seed + 3, number=CLIENTS, size=50, subjects=subjects)
    for place, poison in enumerate(_poison()):
        poisoned[place] = poisoned[place].replace(b"]}", b"," + poison + b"]}")
    accepted += await expect("poison in a group", poisoned, 50 * CLIENTS, 0, len(_poison()))
    return accepted, problems


async def inspect(url: str, *, project_id: int, accepted: int) -> list[str]:
    """What is wrong with the log of a project that acknowledged so many events; roll-ups have to be complete.

    Vigie's own activities, such as a component's first health, are numbered among the events.
    """
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow(
        """
        WITH log AS (
            SELECT seq FROM usage_events WHERE project_id = $1
            UNION ALL SELECT seq FROM activities WHERE project_id = $1
        )
        SELECT (SELECT count(*) FROM activities WHERE project_id = $1),
          (SELECT count(*) FROM usage_events WHERE project_id = $1),
          count(DISTINCT seq), min(seq), max(seq),
          (SELECT last_seq FROM counters WHERE project_id = $1),
          (SELECT sum(last_seq - first_seq + 1) FROM commits WHERE project_id = $1),
          (SELECT sum(requests) FROM usage_by_time WHERE project_id = $1 AND grain = 1440),
          (SELECT sum(requests) FROM usage_by_subject WHERE project_id = $1)
        FROM log
        """,
        project_id,
    )
    await connection.close()
    assert row
    activities, *found = row
    names = ("rows", "numbers", "first", "last", "counter", "commits", "by time", "by subject")
    every = accepted + activities
    expected = (accepted, every, 1, every, every, every, accepted, accepted)
    return [
        f"{name}: {value} instead of {right}"
        for name, value, right in zip(names, found, expected, strict=True)
        if value != right
    ]


def _joined(body: bytes, old: bytes, number: int) -> bytes:
    """A batch with some events of an older one."""
    events = orjson.loads(body)["events"] + orjson.loads(old)["events"][:number]
    return orjson.dumps({"events": events})


def _poison() -> list[bytes]:
    """Events that no database takes; each is to be refused alone."""
    event = orjson.dumps(usage_event(random.Random(0), dt.datetime.now(dt.UTC), 10), option=orjson.OPT_UTC_Z)
    return [
        event.replace(b'"chat"', b'"a\\u0000b"').replace(b'"embeddings"', b'"a\\u0000b"'),
        event.replace(b'"summary"', b'"\\u0000"'),
        event.replace(b'"summary"', b"1e999"),
        event.replace(b'"summary"', b"[" * 400 + b"]" * 400),
        event.replace(b'"summary"', b'"\\ud800"'),
        event.replace(b'"production"', b"99999999999999999999"),
        event.replace(b'"stream"', b'"s":1},"costUsd":"NaN","x":{"stream"'),
    ]
