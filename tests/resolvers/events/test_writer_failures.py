"""What is acknowledged is stored once, whatever breaks; what breaks costs nobody else an event."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import pytest

from integrations.prices import ListPrices
from models import Database, Project
from resolvers.errors import Unavailable
from resolvers.events import writer as writer_module
from resolvers.events.decoding import Decoded, from_objects
from resolvers.events.inputs import ApiCallInput, UsageEventInput
from resolvers.events.recording import record
from resolvers.events.stores import Store, StoreDown, StoreError, StoreFull, Transaction
from resolvers.events.writer import StorageFull, Writer
from tests.databases import only_postgresql
from tests.resolvers.events.events import NOW, check_log, send, until_queued, usage

HALF_A_PAIR = "\ud83d"


class Failing:
    """A store that fails as often as it is told, before or after the COMMIT."""

    def __init__(self, store: Store, error: StoreError) -> None:
        self._store = store
        self._error = error
        self.before = 0
        self.after = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        async with self._store.transaction() as transaction:
            yield transaction
            if self.before:
                self.before -= 1
                raise self._error
        if self.after:
            self.after -= 1
            raise self._error


def failing(writer: Writer, error: StoreError) -> Failing:
    """Puts a failing store under a writer."""
    store = Failing(writer._store, error)
    writer._store = store
    return store


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "RETRY_SECONDS", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0))


async def test_one_event_that_the_database_refuses_costs_nobody_else_anything(
    database: Database, project: Project, writer: Writer
) -> None:
    unfit = {"time": NOW, "model": HALF_A_PAIR, "id": "unfit"}
    decoded = Decoded(from_objects(UsageEventInput, [{**unfit, "id": "a", "model": "m"}, unfit]).events, suspect=False)
    calls = from_objects(ApiCallInput, [{"time": NOW, "method": "GET", "route": HALF_A_PAIR, "status": 200}])
    others = [send(writer, project.id, [usage(f"{n}-{m}") for m in range(n)]) for n in range(1, 20)]
    poisoned = [
        record(writer, project_id=project.id, decoded=decoded, door="json"),
        record(writer, project_id=project.id, decoded=Decoded(calls.events, suspect=False), door="json"),
    ]
    answers = await asyncio.gather(*others[:9], *poisoned, *others[9:])
    assert [answer.accepted for answer in answers] == [*range(1, 10), 1, 0, *range(10, 20)]
    assert [[rejection.index for rejection in answer.rejected] for answer in answers[9:11]] == [[1], [0]]
    assert {rejection.code for answer in answers[9:11] for rejection in answer.rejected} == {"INVALID"}
    assert len(await check_log(database, project.id)) == 191


@only_postgresql
async def test_a_nul_that_slipped_through_is_found(database: Database, project: Project, writer: Writer) -> None:
    objects = [{"time": NOW, "model": "m\0" if n == 613 else "m", "id": str(n)} for n in range(1000)]
    decoded = Decoded(from_objects(UsageEventInput, objects).events, suspect=False)
    recorded = await record(writer, project_id=project.id, decoded=decoded, door="json")
    assert (recorded.accepted, [rejection.index for rejection in recorded.rejected]) == (999, [613])
    assert len(await check_log(database, project.id)) == 999


async def test_an_answer_lost_at_commit_is_neither_a_loss_nor_a_duplicate(
    database: Database, project: Project, writer: Writer
) -> None:
    store = failing(writer, StoreDown("the connection broke"))
    store.after = 2
    recorded = await send(writer, project.id, [usage("a"), usage("b"), usage("a")])
    assert (recorded.accepted, recorded.duplicates) == (2, 1)
    again = await send(writer, project.id, [usage("a"), usage("c")])
    assert (again.accepted, again.duplicates) == (1, 1)
    assert len(await check_log(database, project.id)) == 3


async def test_a_transaction_that_broke_before_commit_is_done_again(
    database: Database, project: Project, writer: Writer
) -> None:
    failing(writer, StoreDown("the connection broke")).before = 3
    assert (await send(writer, project.id, [usage("a"), usage("b")])).accepted == 2
    assert len(await check_log(database, project.id)) == 2


async def test_a_database_that_stays_away_refuses_and_then_serves_again(
    database: Database, project: Project, writer: Writer
) -> None:
    store = failing(writer, StoreDown("nobody there"))
    store.before = len(writer_module.RETRY_SECONDS) + 1
    with pytest.raises(Unavailable) as refused:
        await send(writer, project.id, [usage("a")])
    assert refused.value.retry_after
    assert (await send(writer, project.id, [usage("a")])).accepted == 1
    assert len(await check_log(database, project.id)) == 1


async def test_a_full_disk_is_told_apart(database: Database, project: Project, writer: Writer) -> None:
    failing(writer, StoreFull("no space left")).before = 1
    with pytest.raises(StorageFull) as refused:
        await send(writer, project.id, [usage("a")])
    assert refused.value.retry_after
    assert (await send(writer, project.id, [usage("a")])).accepted == 1
    assert len(await check_log(database, project.id)) == 1


async def test_a_fault_of_ours_reaches_its_callers_and_the_writer_goes_on(
    database: Database, project: Project, writer: Writer
) -> None:
    with pytest.raises(IndexError):
        await writer.submit(project.id, [[]], [])
    assert (await send(writer, project.id, [usage("a")])).accepted == 1


async def test_stopping_does_not_wait_for_a_database_that_is_away(database: Database, project: Project) -> None:
    writer = Writer(database, ListPrices())
    failing(writer, StoreDown("nobody there")).before = 1_000
    await writer.start()
    waiting = asyncio.create_task(send(writer, project.id, [usage("a")]))
    await until_queued(writer, 1)
    async with asyncio.timeout(5):
        await writer.stop()
    with pytest.raises(Unavailable):
        await waiting
    assert await check_log(database, project.id) == []


@pytest.fixture
async def _forgotten_futures() -> AsyncIterator[None]:
    """asyncpg forgets a future when the server ends a connection between two statements, and asyncio tells so."""
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()

    def ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), asyncpg.ConnectionDoesNotExistError):
            (handler or asyncio.AbstractEventLoop.default_exception_handler)(loop, context)

    loop.set_exception_handler(ignore)
    yield
    gc.collect()
    loop.set_exception_handler(handler)


@only_postgresql
@pytest.mark.usefixtures("_forgotten_futures")
async def test_connections_cut_under_load_lose_and_double_nothing(
    database: Database, project: Project, writer: Writer, database_url: str
) -> None:
    stop, enough = asyncio.Event(), asyncio.Event()
    acknowledged: list[str] = []

    async def send_on(name: str) -> None:
        number = 0
        while not stop.is_set():
            ids = [f"{name}-{number}-{place}" for place in range(50)]
            recorded = await send(writer, project.id, [usage(id_) for id_ in ids])
            assert (recorded.accepted, recorded.duplicates) == (50, 0)
            acknowledged.extend(ids)
            if len(acknowledged) > 1_000:
                enough.set()
            number += 1

    senders = [asyncio.create_task(send_on(str(name))) for name in range(8)]
    knife = await asyncpg.connect(database_url)
    for _ in range(10):
        await asyncio.sleep(0.08)
        await knife.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'vigie writer' AND datname = current_database()"
        )
    await knife.close()
    await asyncio.wait_for(enough.wait(), 60)
    stop.set()
    await asyncio.gather(*senders)
    facts = await check_log(database, project.id)
    assert sorted(fact.id for fact in facts) == sorted(acknowledged)


async def test_two_processes_share_a_project(database: Database, project: Project, database_url: str) -> None:
    outputs = await asyncio.gather(*(sender(database_url, project.id, name, 40) for name in ("left", "right")))
    acknowledged = {id_ for output in outputs for id_ in output.split()}
    facts = await check_log(database, project.id)
    assert sorted(fact.id for fact in facts) == sorted(acknowledged)
    assert len(facts) == 2 * 40 * 20 + 40


async def test_a_killed_process_lost_nothing_that_it_acknowledged(
    database: Database, project: Project, database_url: str
) -> None:
    acknowledged: set[str] = set()
    for attempt in range(3):
        output = await sender(database_url, project.id, f"run-{attempt}", 100_000, kill_after=5 + 7 * attempt)
        acknowledged |= set(output.rpartition("\n")[0].split())
    facts = await check_log(database, project.id)
    ids = [fact.id for fact in facts]
    assert len(ids) == len(set(ids))
    assert acknowledged <= set(ids)
    assert acknowledged


async def sender(url: str, project_id: int, name: str, batches: int, *, kill_after: int = 0) -> str:
    """Runs a sender to its end, or kills it after so many lines; answers what it printed."""
    command = [sys.executable, "-m", "tests.resolvers.events.sender", url, str(project_id), name, str(batches)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout
    lines = b""
    for _ in range(kill_after):
        lines += await process.stdout.readline()
    if kill_after:
        process.kill()
    lines += await process.stdout.read()
    assert (await process.wait() == 0) == (not kill_after)
    return lines.decode()
