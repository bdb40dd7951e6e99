"""The state machine of a rule: what one evaluation makes of what it remembers. Pure: the engine and previews share it.

    step = evaluate(condition, memory, time=time, value=value)     # memory goes into the next evaluation

idle -> pending (the condition holds) -> firing (it held for `hold`) -> idle (it holds no more). A pending one lapses
when the condition ends. What somebody resolved by hand is held until the condition ends. A condition that fired three
times within half an hour is flapping: its alert stays open until the condition has been away for five minutes.
"""

import datetime as dt
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Self

from models.bugs import SEVERITIES

COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "greater": operator.gt,
    "greater_or_equal": operator.ge,
    "less": operator.lt,
    "less_or_equal": operator.le,
}
OK, BREACHED, NO_DATA = "ok", "breached", "no_data"
IDLE, PENDING, FIRING, HELD = "idle", "pending", "firing", "held"
NO_DATA_MODES: Final = ("ok", "alert", "keep", "no_data")

FLAPPING_FIRINGS: Final = 3
FLAPPING_WITHIN: Final = dt.timedelta(minutes=30)
CALM: Final = dt.timedelta(minutes=5)


class Event(StrEnum):
    """What an evaluation did to the alert of an instance."""

    OPENED = "opened"
    FIRED = "fired"
    RAISED = "raised"
    """It fires with a higher severity than before."""
    RESOLVED = "resolved"
    LAPSED = "lapsed"
    """The condition ended before it had held for long enough."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a rule asks of a figure. `no_data` says what a missing one counts as (see `docs/alerts.md`)."""

    comparison: str
    threshold: float
    severity: str
    warn_threshold: float | None = None
    hold: dt.timedelta = dt.timedelta(0)
    no_data: str = NO_DATA

    def level(self, value: float) -> int:
        """2 when the threshold is met, 1 when only the one that warns is, else 0."""
        compare = COMPARISONS[self.comparison]
        if compare(value, self.threshold):
            return 2
        return int(self.warn_threshold is not None and compare(value, self.warn_threshold))

    def severity_at(self, level: int) -> str:
        """The severity at a level: a warning is one lower, `low` at least."""
        place = SEVERITIES.index(self.severity)
        return self.severity if level == 2 else SEVERITIES[max(place - 1, 0)]

    def threshold_at(self, level: int) -> float:
        """The threshold that is met at a level."""
        return self.warn_threshold if level == 1 and self.warn_threshold is not None else self.threshold


@dataclass(frozen=True, slots=True)
class Memory:
    """What an instance of a rule remembers.

    `since` is when the condition first held, `alert_since` the same of the threshold proper, `calm_since` when a
    flapping one ceased to hold; `firings` are its last ones. `fired_level` is the level it fires at.
    """

    phase: str = IDLE
    outcome: str = OK
    level: int = 0
    fired_level: int = 0
    since: dt.datetime | None = None
    alert_since: dt.datetime | None = None
    calm_since: dt.datetime | None = None
    firings: tuple[dt.datetime, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The memory as JSON."""
        return {
            "phase": self.phase,
            "outcome": self.outcome,
            "level": self.level,
            "fired_level": self.fired_level,
            "since": self.since and self.since.isoformat(),
            "alert_since": self.alert_since and self.alert_since.isoformat(),
            "calm_since": self.calm_since and self.calm_since.isoformat(),
            "firings": [time.isoformat() for time in self.firings],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The memory that was stored."""
        read = dt.datetime.fromisoformat
        return cls(
            phase=stored["phase"],
            outcome=stored["outcome"],
            level=stored["level"],
            fired_level=stored["fired_level"],
            since=stored["since"] and read(stored["since"]),
            alert_since=stored["alert_since"] and read(stored["alert_since"]),
            calm_since=stored["calm_since"] and read(stored["calm_since"]),
            firings=tuple(read(time) for time in stored["firings"]),
        )


NOTHING: Final = Memory()


@dataclass(frozen=True, slots=True)
class Step:
    """What an evaluation came to. `threshold` is the one that was met, else the rule's own."""

    memory: Memory
    outcome: str
    threshold: float
    events: tuple[Event, ...] = ()


def evaluate(
    condition: Condition, memory: Memory, *, time: dt.datetime, value: float | None, blocked: bool = False
) -> Step:
    """One evaluation. `value` is None without data. While it is `blocked` a pending one does not fire."""
    level = _level(condition, memory, value)
    outcome = NO_DATA if value is None else BREACHED if level else OK
    memory = replace(memory, outcome=outcome, level=level)
    threshold = condition.threshold_at(level)
    if not level:
        memory, events = _calmed(memory, time)
        return Step(memory, outcome, threshold, events)
    memory = replace(
        memory,
        since=memory.since or time,
        alert_since=(memory.alert_since or time) if level == 2 else None,
        calm_since=None,
    )
    memory, events = _breached(condition, memory, time, blocked)
    return Step(memory, outcome, threshold, events)


def resolve_by_hand(memory: Memory) -> Memory:
    """Somebody resolved its alert: nothing opens before the condition has ended."""
    return replace(memory, phase=HELD, calm_since=None)


def _level(condition: Condition, memory: Memory, value: float | None) -> int:
    if value is not None:
        return condition.level(value)
    return {"alert": 2, "keep": memory.level}.get(condition.no_data, 0)


def _calmed(memory: Memory, time: dt.datetime) -> tuple[Memory, tuple[Event, ...]]:
    """The condition does not hold."""
    if memory.phase == FIRING and _flaps(memory, time):
        since = memory.calm_since or time
        if time - since < CALM:
            return replace(memory, since=memory.since, alert_since=None, calm_since=since), ()
    ended = {FIRING: (Event.RESOLVED,), PENDING: (Event.LAPSED,)}.get(memory.phase, ())
    recent = tuple(fired for fired in memory.firings if time - fired <= FLAPPING_WITHIN)
    return Memory(outcome=memory.outcome, level=0, firings=recent), ended


def _breached(
    condition: Condition, memory: Memory, time: dt.datetime, blocked: bool
) -> tuple[Memory, tuple[Event, ...]]:
    """The condition holds."""
    if memory.phase == HELD:
        return memory, ()
    events: tuple[Event, ...] = ()
    if memory.phase == IDLE:
        memory, events = replace(memory, phase=PENDING), (Event.OPENED,)
    ripe = _ripe(condition, memory, time)
    if memory.phase == PENDING and ripe and not blocked:
        firings = (*memory.firings, time)[-FLAPPING_FIRINGS:]
        return replace(memory, phase=FIRING, fired_level=ripe, firings=firings), (*events, Event.FIRED)
    if memory.phase == FIRING and ripe > memory.fired_level:
        return replace(memory, fired_level=ripe), (Event.RAISED,)
    return memory, events


def _ripe(condition: Condition, memory: Memory, time: dt.datetime) -> int:
    """The level at which the condition has held for long enough; 0 for none."""
    if memory.alert_since is not None and time - memory.alert_since >= condition.hold:
        return 2
    return int(
        condition.warn_threshold is not None and memory.since is not None and time - memory.since >= condition.hold
    )


def _flaps(memory: Memory, time: dt.datetime) -> bool:
    recent = [fired for fired in memory.firings if time - fired <= FLAPPING_WITHIN]
    return len(recent) >= FLAPPING_FIRINGS
