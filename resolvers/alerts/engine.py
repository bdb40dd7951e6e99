"""The job that evaluates all rules: at moments aligned to the clock, once in the cluster, wherever it was left off.

The figures of a moment are read when `settle` has passed since, so that events on their way are in. What was found is
written in one transaction for each project, under the project's clock, which says how far it has come: nothing is
evaluated twice, and a restart goes on where the process before it stopped.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import select, update

from models import AlertClock, AlertRule, Database, ReadSession, WriteSession
from models.base import MICROSECOND
from models.outages import database_is_down
from resolvers.alerts.cases import Watching
from resolvers.alerts.clocks import Claim, claim, lock
from resolvers.alerts.components import Outages, outages_at
from resolvers.alerts.definitions import rule_of
from resolvers.alerts.evaluation import Evaluation
from resolvers.alerts.figures import COMPONENTS_DOWN, INGEST_LAG_SECONDS, Instances, Measure
from resolvers.alerts.pace import Pace
from resolvers.alerts.plans import Plan, plan_of
from resolvers.alerts.reading import Unreadable, read_figures
from resolvers.alerts.samples import store_samples
from resolvers.metrics.snapshots import take_snapshot
from resolvers.rollups.lags import lags

MOST_CAUGHT_UP: Final = 20
"""Missed moments that are made up for: what is further back goes by."""

EVALUATED: Final = Counter(
    "vigie_alert_rules_evaluated_total", "Evaluations of rules, by what came of them.", ["outcome"]
)
SECONDS: Final = Histogram(
    "vigie_alert_evaluation_seconds",
    "Duration of one evaluation of all rules of a project.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BEHIND: Final = Gauge("vigie_alert_seconds_behind", "How far back what was not evaluated in time goes.")

log = structlog.get_logger(__name__)

Found = Mapping[int, Instances | Unreadable]


@dataclass(frozen=True, slots=True)
class Watched:
    """The rules of a project as of a version, the measure of each that can be evaluated, and what to read for them."""

    version: int
    rules: tuple[Watching, ...]
    measures: Mapping[int, Measure]
    plan: Plan

    @classmethod
    def of(cls, version: int, rules: Iterable[AlertRule]) -> "Watched":
        watchings = tuple(map(_watching, rules))
        measures = {watching.number: watching.rule.measure for watching in watchings if watching.rule is not None}
        return cls(version, watchings, measures, plan_of(measures.values()))


class Engine:
    """Evaluates the rules of every project. `rules` are remembered until somebody changes one."""

    def __init__(self, database: Database, pace: Pace) -> None:
        self._database = database
        self._pace = pace
        self._rules: dict[int, Watched] = {}
        self._done: dt.datetime | None = None

    async def step(self, now: dt.datetime | None = None) -> None:
        """Evaluates what is due and nobody else has evaluated. Raises what failed when that is all of it."""
        now = now or dt.datetime.now(dt.UTC)
        due = self._pace.due(now)
        if self._done is not None and due <= self._done:
            return
        async with self._database.write() as session:
            clocks = await claim(session, due=due, now=now)
            if clocks:
                await _sample_lags(session, due, now)
        failures = []
        for clock in clocks:
            try:
                with SECONDS.time():
                    await self._project(clock, due, now)
            except Exception as error:
                await self._release(clock.project_id, error)
                failures.append(error)
                log.exception("rules were not evaluated", project=clock.project_id)
        latest = due - self._pace.every
        BEHIND.set(max(((latest - clock.evaluated_until).total_seconds() for clock in clocks), default=0.0))
        if failures and len(failures) == len(clocks):
            raise failures[0]
        # One project that fails is tried again at the next moment, and holds the others up no longer.
        self._done = due

    async def _project(self, clock: Claim, due: dt.datetime, now: dt.datetime) -> None:
        first = max(clock.evaluated_until + MICROSECOND, due - self._pace.every * (MOST_CAUGHT_UP - 1))
        for time in self._pace.instants(first, due + self._pace.every):
            async with self._database.read() as session:
                watched = await self._watched(session, clock.project_id)
                outages = await _outages(session, clock.project_id, watched.rules, time)
            found = await self._found(clock.project_id, watched, time, now)
            await self._write(clock.project_id, watched, found, outages, time, now)

    async def _watched(self, session: ReadSession, project_id: int) -> Watched:
        version = await session.scalar(select(AlertClock.rules_version).where(AlertClock.project_id == project_id)) or 0
        known = self._rules.get(project_id)
        if known is None or known.version != version:
            rows = await session.scalars(
                select(AlertRule)
                .where(AlertRule.project_id == project_id, AlertRule.enabled, AlertRule.deleted_at.is_(None))
                .order_by(AlertRule.id)
            )
            known = self._rules[project_id] = Watched.of(version, rows)
        return known

    async def _write(
        self,
        project_id: int,
        watched: Watched,
        found: Found,
        outages: Outages | None,
        time: dt.datetime,
        now: dt.datetime,
    ) -> None:
        rules: Sequence[Watching] = watched.rules
        async with self._database.write() as session:
            clock = await lock(session, project_id=project_id)
            if clock.evaluated_until >= time:
                return
            if clock.rules_version != watched.version:
                # Somebody changed a rule while the figures were read: those that are still the same are evaluated.
                unchanged = set((await self._watched(session, project_id)).rules)
                rules = [rule for rule in rules if rule in unchanged]
            evaluation = Evaluation(session, project_id, time, now, outages)
            await evaluation.run(rules, found)
            clock.evaluated_until, clock.claimed_until, clock.figures = time, None, evaluation.figures
        broken = sum(rule.broken is not None or isinstance(found.get(rule.number), Unreadable) for rule in rules)
        EVALUATED.labels("broken").inc(broken)
        EVALUATED.labels("evaluated").inc(len(rules) - broken)

    async def _found(self, project_id: int, watched: Watched, time: dt.datetime, now: dt.datetime) -> Found:
        """The figures of rules. When reading them all fails, each is read apart: who is at fault is broken, alone."""
        read: dict[Measure, Instances | Unreadable] = {}
        try:
            read = await _read(self._database, project_id, watched.plan, time, now)
        except Exception as error:
            if database_is_down(error):
                raise
            log.exception("figures could not be read together", project=project_id)
            for measure in watched.plan.measures:
                try:
                    read |= await _read(self._database, project_id, plan_of([measure]), time, now)
                except Exception as fault:
                    if database_is_down(fault):
                        raise
                    read[measure] = Unreadable(f"its figure could not be read ({type(fault).__name__})")
        return {number: read[measure] for number, measure in watched.measures.items()}

    async def _release(self, project_id: int, error: Exception) -> None:
        """Lets others try at once, if the database is there to be told."""
        if database_is_down(error):
            return
        async with self._database.write() as session:
            await session.run(update(AlertClock).where(AlertClock.project_id == project_id).values(claimed_until=None))


async def _read(
    database: Database, project_id: int, plan: Plan, time: dt.datetime, now: dt.datetime
) -> dict[Measure, Instances | Unreadable]:
    async with database.read() as session:
        snapshot = await take_snapshot(session, project_id=project_id, now=now)
        return await read_figures(session, snapshot, plan, at=time)


async def _outages(
    session: ReadSession, project_id: int, rules: Sequence[Watching], time: dt.datetime
) -> Outages | None:
    if not any(watching.rule is not None and watching.rule.metric == COMPONENTS_DOWN for watching in rules):
        return None
    (outages,) = await outages_at(session, project_id=project_id, instants=[time])
    return outages


async def _sample_lags(session: WriteSession, time: dt.datetime, now: dt.datetime) -> None:
    """Keeps how far ingest is behind: how long the oldest facts wait that no roll-up has yet."""
    behind: dict[tuple[int, str], float] = {}
    for lag in await lags(session):
        place = (lag.project_id, INGEST_LAG_SECONDS)
        behind[place] = max(behind.get(place, 0.0), lag.seconds(now))
    await store_samples(session, behind, time=time, process="")


def _watching(row: AlertRule) -> Watching:
    try:
        return Watching(row.id, row.name, row.severity, rule_of(row))
    except (ValueError, TypeError) as error:
        return Watching(row.id, row.name, row.severity, None, str(error) or "it is stored wrongly.")
    except Exception as error:  # noqa: BLE001 — one bad row must not take the others with it
        return Watching(row.id, row.name, row.severity, None, f"it is stored wrongly ({type(error).__name__}).")
