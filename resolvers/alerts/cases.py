"""A case: one instance of a rule in one evaluation, and what is said of it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from resolvers.alerts import wording
from resolvers.alerts.definitions import Rule
from resolvers.alerts.evaluating import FIRING, HELD, NO_DATA, PENDING, Condition, Memory, Step
from resolvers.alerts.figures import COMPONENTS_DOWN

BROKEN_INSTANCE: Final = " broken"
"""The instance of a rule that cannot be evaluated; no component's name begins with a blank."""
WITHOUT_DATA: Final = Memory(outcome=NO_DATA).to_json()


@dataclass(frozen=True)
class Watching:
    """A rule as it is evaluated. Without a `rule` it cannot be, which `broken` tells why."""

    number: int
    name: str
    severity: str
    rule: Rule | None
    broken: str | None = None

    @cached_property
    def condition(self) -> Condition:
        """What the rule asks of its figure; of one that cannot be evaluated, that it can be."""
        return Condition("greater", 0.0, self.severity) if self.rule is None else self.rule.condition


@dataclass(frozen=True, slots=True)
class Case:
    """`value` is the figure. Of a rule that cannot be evaluated it is 1, and 0 once it can; `broken` says why."""

    watching: Watching
    instance: str
    condition: Condition
    value: float | None
    broken: str | None = None

    @property
    def is_broken(self) -> bool:
        return self.instance == BROKEN_INSTANCE

    @property
    def shown_value(self) -> float | None:
        return None if self.is_broken else self.value

    def why(self, step: Step, time: dt.datetime) -> str:
        """Why its alert is there."""
        rule = self.watching.rule
        if self.is_broken or rule is None:
            return f"the rule cannot be evaluated: {self.broken}"
        if rule.metric == COMPONENTS_DOWN:
            what = f"{self.instance} is down"
        else:
            what = wording.condition(rule, self.value, step.threshold)
        lasted = time - step.memory.since if step.memory.since else dt.timedelta(0)
        return f"{what}, for {wording.length(lasted)}" if lasted else what

    def over(self, *, fired: bool) -> str:
        """Why its alert is over."""
        rule = self.watching.rule
        if self.is_broken or rule is None:
            return "the rule can be evaluated again"
        if rule.metric == COMPONENTS_DOWN:
            what = f"{self.instance} is not down any more"
        elif self.value is None:
            what = "there is no data any more"
        else:
            what = wording.ended(rule, self.value)
        return what if fired else f"before it had lasted long enough to fire, {what}"

    def still_without_data(self, memory: Mapping[str, Any], shown: tuple[str, str]) -> bool:
        """Whether a stored memory says that there was no data before either, so that nothing changes."""
        return memory == WITHOUT_DATA and self.condition.no_data != "alert" and shown == self._no_data()

    def shown(self, step: Step) -> tuple[str, str]:
        """The state of its rule, and why, in a sentence."""
        phase, since = step.memory.phase, step.memory.since
        named = f"{self.instance}: " if self.instance and not self.is_broken else ""
        if self.is_broken:
            return ("broken", self.broken or "") if phase == FIRING else ("ok", "")
        if phase in (PENDING, FIRING) and since is not None:
            held = f"the condition holds since {since:%Y-%m-%d %H:%M:%S} UTC"
            return phase, f"{named}{held}" + (", and has to last to fire" if phase == PENDING else "")
        if phase == HELD:
            return "ok", f"{named}its alert was resolved by hand; another one opens once the condition has ended"
        if step.outcome == NO_DATA:
            return self._no_data()
        return "ok", ""

    def _no_data(self) -> tuple[str, str]:
        return "no_data" if self.condition.no_data == NO_DATA else "ok", "there is no data"
