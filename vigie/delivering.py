"""The jobs that send deliveries: one durable job (DBOS) for each, keyed by the delivery's id.

A delivery is written in the transaction of what it tells of. A sweep, each second, finds those that are due and have no
job, gives them one, and hands on jobs whose process is gone. A job tries, sleeps until the next try, and ends with the
delivery. What is true stands in the delivery itself (`resolvers.deliveries.sending`): a job that runs twice, or is
lost, neither sends twice nor loses anything.

DBOS works in threads and on an event loop of its own; everything that touches our database runs on the loop of the
process, to which jobs come over for each try.
"""

import asyncio
import datetime as dt
import logging
import secrets
import time
from collections.abc import Collection, Mapping
from typing import Final

import orjson
import structlog
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID
from sqlalchemy.engine import make_url

from integrations.notifications import Sender
from models import Database
from models.secrets import Vault
from resolvers.deliveries.due import Due, list_due
from resolvers.deliveries.sending import attempt
from resolvers.global_ids import global_id
from vigie.files import jobs_file
from vigie.settings import Settings
from vigie.urls import sqlite_file

SWEEP_SECONDS: Final = 1.0
CLEAN_SECONDS: Final = 3600.0
PENDING_SECONDS: Final = 15.0
QUEUE: Final = "deliveries"
SCHEMA: Final = "dbos"
POLL_SECONDS: Final = 0.5
MOST_AT_ONCE: Final = 32
MOST_SWEPT: Final = 500
MOST_CLEANED: Final = 1000
OVERDUE: Final = dt.timedelta(seconds=3)
"""After which a job that has not come for its delivery counts as lost."""
HANDED_ON_SECONDS: Final = 30.0
"""After which a lost job is handed on once more."""
KEPT: Final = dt.timedelta(days=1)
AFTER_FAULT_SECONDS: Final = 5.0
CLOSING_SECONDS: Final = 5.0
RUNNING: Final = frozenset({"PENDING", "ENQUEUED", "DELAYED"})
ENDED: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

log = structlog.get_logger(__name__)


class Delivering:
    """The jobs of this process."""

    def __init__(self, settings: Settings, database: Database, sender: Sender, vault: Vault) -> None:
        self._settings = settings
        self._database = database
        self._sender = sender
        self._vault = vault
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._here: set[str] = set()
        self._handed_on: dict[str, float] = {}
        self._at_work = 0
        self._idle = asyncio.Event()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Begins to take jobs. Makes DBOS's tables where they are missing."""
        global _delivering  # noqa: PLW0603 — DBOS has one instance in a process, and so have its jobs
        self._loop = asyncio.get_running_loop()
        self._idle.set()
        _delivering = self
        await asyncio.to_thread(self._launch)

    async def close(self) -> None:
        """Begins no more tries, lets those that run end, and leaves the jobs to the next process."""
        self._closing = True
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            log.warning("deliveries are cut", at_work=self._at_work)
        await asyncio.to_thread(DBOS.destroy)

    async def sweep(self) -> None:
        """Gives each delivery that is due a job that runs."""
        now = dt.datetime.now(dt.UTC)
        async with self._database.read() as session:
            due = await list_due(session, now=now, limit=MOST_SWEPT)
        keys = {_key(one.project_id, one.number): one for one in due}
        wanted = {key: one for key, one in keys.items() if key not in self._here}
        clock = time.monotonic()
        lately = clock - HANDED_ON_SECONDS
        self._handed_on = {key: at for key, at in self._handed_on.items() if key in keys and at > lately}
        if wanted:
            handed_on = await asyncio.to_thread(_hand_out, wanted, now, frozenset(self._handed_on))
            self._handed_on |= dict.fromkeys(handed_on, clock)

    async def clean(self) -> None:
        """Forgets jobs that ended a day ago."""
        await asyncio.to_thread(_forget, dt.datetime.now(dt.UTC) - KEPT)

    async def attempt(self, project_id: int, number: int) -> float | None:
        """One try, on DBOS's loop: seconds until the next one, None when the delivery has ended."""
        if self._loop is None:
            raise RuntimeError("the deliveries were never started")
        trying = self._attempt(project_id, number)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(trying, self._loop))

    async def _attempt(self, project_id: int, number: int) -> float | None:
        key = _key(project_id, number)
        self._here.add(key)
        try:
            return await self._in_turn(project_id, number)
        finally:
            self._here.discard(key)

    async def _in_turn(self, project_id: int, number: int) -> float | None:
        async with self._slots:
            if self._closing:
                await asyncio.Future()  # until DBOS ends: the job stays, and another process takes it over
            self._at_work += 1
            self._idle.clear()
            try:
                again = await attempt(
                    self._database, project_id=project_id, number=number, sender=self._sender, vault=self._vault
                )
            except Exception:
                log.exception("delivery not tried", delivery=number)
                return AFTER_FAULT_SECONDS
            finally:
                self._at_work -= 1
                if not self._at_work:
                    self._idle.set()
        return None if again is None else max((again - dt.datetime.now(dt.UTC)).total_seconds(), 0.0)

    def _launch(self) -> None:
        database = self._settings.database
        file = sqlite_file(database)
        config: DBOSConfig = {
            "name": "vigie",
            "system_database_url": _of_psycopg(database) if file is None else f"sqlite:///{jobs_file(file)}",
            "dbos_system_schema": SCHEMA,
            "sys_db_pool_size": 5,
            "max_executor_threads": 16,
            # A process of its own with each start: DBOS would else run what another replica is running.
            "executor_id": secrets.token_hex(8),
            # Any version of Vigie may go on with any job: what a job does is decided by its delivery.
            "application_version": "deliveries-1",
            "serializer": _Json(),
            "use_listen_notify": False,
            "enable_otlp": False,
            # While its database is away it warns eight times a second; the sweep says so too, ever more rarely.
            "log_level": "ERROR",
        }
        DBOS(config=config)
        logger = logging.getLogger("dbos")
        logger.handlers, logger.propagate = [], True
        DBOS.launch()
        DBOS.register_queue(QUEUE, polling_interval_sec=POLL_SECONDS)


_delivering: Delivering | None = None


@DBOS.step(name="try")
async def _try(project_id: int, number: int) -> float | None:
    if _delivering is None:
        raise RuntimeError("the deliveries were never started")
    return await _delivering.attempt(project_id, number)


@DBOS.workflow(name="deliver", max_recovery_attempts=None)
async def _deliver(project_id: int, number: int) -> None:
    while (pause := await _try(project_id, number)) is not None:
        await DBOS.sleep_async(pause)


def _key(project_id: int, number: int) -> str:
    """The id of a job: that of its delivery."""
    return global_id("Delivery", project_id, number)


def _hand_out(due: Mapping[str, Due], now: dt.datetime, lately: Collection[str]) -> list[str]:
    """Starts the jobs that are missing; answers those that it handed on. Runs in a thread, as all that asks DBOS."""
    known = {
        job.workflow_id: job.status
        for job in DBOS.list_workflows(workflow_ids=list(due), load_input=False, load_output=False)
    }
    handed_on = []
    for key, one in due.items():
        overdue = now - one.since > OVERDUE
        if key not in known:
            with SetWorkflowID(key):
                DBOS.enqueue_workflow(QUEUE, _deliver, one.project_id, one.number)
        elif overdue and known[key] in RUNNING:
            if key not in lately:
                DBOS.resume_workflow(key, queue_name=QUEUE)
                handed_on.append(key)
        elif overdue:
            DBOS.delete_workflow(key)  # it ended, its delivery did not: the next sweep gives it another
    return handed_on


def _forget(before: dt.datetime) -> None:
    ended = DBOS.list_workflows(
        status=ENDED, completed_before=before.isoformat(), limit=MOST_CLEANED, load_input=False, load_output=False
    )
    if ended:
        DBOS.delete_workflows([job.workflow_id for job in ended])


class _Json(Serializer):
    """Jobs hold two numbers: JSON, which runs nothing when it is read."""

    def serialize(self, data: object) -> str:
        return orjson.dumps(data, default=str).decode()

    def deserialize(self, serialized_data: str) -> object:
        return orjson.loads(serialized_data)

    def name(self) -> str:
        return "vigie_json"


def _of_psycopg(text: str) -> str:
    """The database's URL as DBOS's driver reads it."""
    url = make_url(text).set(drivername="postgresql+psycopg")
    query = dict(url.query)
    query.pop("prepared_statement_cache_size", None)
    if "ssl" in query:
        query["sslmode"] = query.pop("ssl")
    return url.set(query=query).render_as_string(hide_password=False)
