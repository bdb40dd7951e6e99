"""What a rule would have done over a past period: the same figures and the same state machine as the engine's."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models import ReadSession
from resolvers.alerts import wording
from resolvers.alerts.components import Outages, outages_at
from resolvers.alerts.definitions import Rule
from resolvers.alerts.evaluating import NOTHING, Condition, Event, Memory, evaluate
from resolvers.alerts.figures import COMPONENTS_DOWN, NO_INSTANCE
from resolvers.alerts.pace import Pace
from resolvers.alerts.replaying import figures_over
from resolvers.errors import Invalid
from resolvers.metrics.periods import Period

LONGEST: Final = dt.timedelta(days=31, hours=1)
"""31 local days: one of them has an hour more where the clock is set back."""


@dataclass(slots=True)
class Firing:
    """An alert that the rule would have opened; `started_at` is when the condition first held."""

    instance: str
    severity: str
    started_at: dt.datetime
    fired_at: dt.datetime
    resolved_at: dt.datetime | None
    peak_value: float | None


@dataclass(frozen=True, slots=True)
class Preview:
    """`evaluations` counts the moments of the period, `no_data` those without data."""

    firings: list[Firing]
    evaluations: int
    no_data: int


async def preview_rule(
    session: ReadSession, *, project_id: int, rule: Rule, period: Period, pace: Pace, now: dt.datetime
) -> Preview:
    """Evaluates a rule at each moment of a period that is settled, from nothing remembered on.

    Raises Invalid for a rule that cannot be, and for a period of more than 31 days.
    """
    rule.check()
    if period.end - period.start > LONGEST:
        raise Invalid("A preview covers at most 31 days: shorten the period, to a DAY or a WEEK.", field="period")
    instants = pace.instants(period.start, min(period.end, pace.due(now) + dt.timedelta(microseconds=1)))
    if not instants:
        return Preview([], 0, 0)
    if rule.metric == COMPONENTS_DOWN:
        outages = await outages_at(session, project_id=project_id, instants=instants)
        return await asyncio.to_thread(_components, rule.condition, instants, outages)
    values = await figures_over(
        session, project_id=project_id, measure=rule.measure, instants=instants, every=pace.every
    )
    return await asyncio.to_thread(_values, rule.condition, instants, values)


class Replay:
    """The state machine of one instance, run over the past."""

    def __init__(self, condition: Condition, instance: str) -> None:
        self.firings: list[Firing] = []
        self._condition = condition
        self._instance = instance
        self._memory: Memory = NOTHING
        self._open: Firing | None = None
        self._peak: float | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it remembers nothing."""
        return self._memory == NOTHING

    def step(self, time: dt.datetime, value: float | None, *, blocked: bool = False) -> None:
        """The next evaluation."""
        condition = self._condition
        step = evaluate(condition, self._memory, time=time, value=value, blocked=blocked)
        self._memory = step.memory
        if Event.OPENED in step.events:
            self._peak = None
        if value is not None and step.memory.level:
            self._peak = wording.worst(condition.comparison, self._peak, value)
        if Event.FIRED in step.events:
            self._open = Firing(self._instance, "", step.memory.since or time, time, None, self._peak)
            self.firings.append(self._open)
        if self._open is not None:
            self._open.peak_value = self._peak
            if step.memory.fired_level:
                self._open.severity = condition.severity_at(step.memory.fired_level)
            if Event.RESOLVED in step.events:
                self._open.resolved_at, self._open = time, None


def _values(condition: Condition, instants: Sequence[dt.datetime], values: Sequence[float | None]) -> Preview:
    replay = Replay(condition, NO_INSTANCE)
    for time, value in zip(instants, values, strict=True):
        if not (replay.is_idle and value is not None and not condition.level(value)):
            replay.step(time, value)
    return Preview(replay.firings, len(instants), sum(value is None for value in values))


def _components(condition: Condition, instants: Sequence[dt.datetime], outages: Sequence[Outages]) -> Preview:
    replays: dict[str, Replay] = {}
    for time, outage in zip(instants, outages, strict=True):
        values = outage.values()
        for name in sorted({*values, *replays}):
            replay = replays.setdefault(name, Replay(condition, name))
            replay.step(time, values.get(name, 0.0), blocked=outage.parent_down(name) is not None)
    firings = [firing for replay in replays.values() for firing in replay.firings]
    return Preview(sorted(firings, key=lambda firing: (firing.fired_at, firing.instance)), len(instants), 0)
