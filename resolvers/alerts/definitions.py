"""What a rule asks for: the figure, the condition, whom to tell; and how it may be."""

import datetime as dt
import math
from dataclasses import asdict, dataclass, field
from typing import Final

from models import AlertRule
from resolvers.alerts.evaluating import COMPARISONS, NO_DATA, NO_DATA_MODES, Condition
from resolvers.alerts.figures import BASES, CHANGE, COMPONENTS_DOWN, METRICS, OF_BUDGETS, VALUE, Measure
from resolvers.bugs.fields import check_link
from resolvers.errors import Invalid
from resolvers.metrics.filters import MetricsFilter
from resolvers.texts import check_text

NAME: Final = 200
FILTERED: Final = 2048
LONGEST: Final = dt.timedelta(days=92)
LONGEST_HOLD: Final = dt.timedelta(days=31)
SHORTEST: Final = dt.timedelta(seconds=1)
MOST_CHANNELS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What somebody asks to be alerted of, unchecked. `channel_ids` of None are all enabled channels."""

    name: str
    metric: str
    comparison: str
    threshold: float
    window: dt.timedelta
    severity: str
    basis: str = VALUE
    filter: MetricsFilter = field(default_factory=MetricsFilter)
    warn_threshold: float | None = None
    hold: dt.timedelta = dt.timedelta(0)
    no_data: str = NO_DATA
    channel_ids: tuple[int, ...] | None = None
    renotify_every: dt.timedelta | None = None
    throttle: dt.timedelta | None = None
    runbook_url: str | None = None
    enabled: bool = True
    files_bugs: bool = False
    budget: int | None = None

    @property
    def measure(self) -> Measure:
        """The figure that it watches."""
        return Measure(self.metric, self.basis, self.filter, self.window, self.budget)

    @property
    def condition(self) -> Condition:
        """What it asks of the figure."""
        return Condition(self.comparison, self.threshold, self.severity, self.warn_threshold, self.hold, self.no_data)

    def check(self) -> None:
        """Raises Invalid, naming the field, for what a rule cannot be."""
        check_text(self.name, field="name", most=NAME)
        for number, name in ((self.threshold, "threshold"), (self.warn_threshold, "warnThreshold")):
            if number is not None and not math.isfinite(number):
                raise Invalid(f"`{name}` is a finite number.", field=name)
        self._check_warning()
        self._check_budget()
        _check_length(self.window, "window", SHORTEST, LONGEST)
        _check_length(self.hold, "forDuration", dt.timedelta(0), LONGEST_HOLD)
        _check_length(self.renotify_every, "renotifyEvery", dt.timedelta(minutes=1), LONGEST_HOLD)
        _check_length(self.throttle, "throttle", dt.timedelta(0), LONGEST_HOLD)
        if self.runbook_url is not None:
            check_link(self.runbook_url, field="runbookUrl")
        if self.filter.attributes:
            raise Invalid(
                "A rule does not filter by attributes: it is evaluated from figures that do not know them.",
                field="filter.attributes",
            )
        for name, values in asdict(self.filter).items():
            for value in values:
                check_text(value, field=f"filter.{name}", most=FILTERED)
        if self.channel_ids is not None and len(self.channel_ids) > MOST_CHANNELS:
            raise Invalid(f"A rule has at most {MOST_CHANNELS} channels.", field="channelIds")
        if self.metric == COMPONENTS_DOWN and (self.basis == CHANGE or not self.comparison.startswith("greater")):
            raise Invalid("COMPONENTS_DOWN is compared by value, with GREATER or GREATER_OR_EQUAL.", field="metric")

    def _check_budget(self) -> None:
        if self.metric not in OF_BUDGETS:
            if self.budget is not None:
                raise Invalid("Only BUDGET_SPENT_SHARE and BUDGET_PROJECTED_SHARE watch a budget.", field="budgetId")
        elif self.budget is None:
            raise Invalid("Say which budget it watches.", field="budgetId")
        elif self.basis == CHANGE:
            raise Invalid("Shares of a budget are compared by value.", field="basis")

    def _check_warning(self) -> None:
        if self.warn_threshold is None:
            return
        if not COMPARISONS[self.comparison.removesuffix("_or_equal")](self.threshold, self.warn_threshold):
            side = "below" if self.comparison.startswith("greater") else "above"
            raise Invalid(f"`warnThreshold` lies {side} `threshold`: it warns before.", field="warnThreshold")


def rule_of(row: AlertRule) -> Rule:
    """What a stored rule asks. Raises ValueError, in a sentence, for a row that no rule can be."""
    known = (
        (row.metric, METRICS, "metric"),
        (row.basis, BASES, "basis"),
        (row.comparison, COMPARISONS, "comparison"),
        (row.no_data, NO_DATA_MODES, "no-data mode"),
    )
    for word, words, what in known:
        if word not in words:
            raise ValueError(f"`{word[:64]}` is no {what} that this Vigie knows.")
    if row.window_seconds < 1:
        raise ValueError("Its window is empty.")
    return Rule(
        name=row.name,
        metric=row.metric,
        basis=row.basis,
        filter=MetricsFilter(**{name: tuple(values) for name, values in row.filter.items()}),
        comparison=row.comparison,
        threshold=row.threshold,
        warn_threshold=row.warn_threshold,
        window=dt.timedelta(seconds=row.window_seconds),
        hold=dt.timedelta(seconds=row.for_seconds),
        no_data=row.no_data,
        severity=row.severity,
        channel_ids=None if row.channel_ids is None else tuple(row.channel_ids),
        renotify_every=_duration(row.renotify_seconds),
        throttle=_duration(row.throttle_seconds),
        runbook_url=row.runbook_url,
        enabled=row.enabled,
        files_bugs=row.files_bugs,
        budget=row.budget_id,
    )


def _check_length(length: dt.timedelta | None, field: str, least: dt.timedelta, most: dt.timedelta) -> None:
    if length is None:
        return
    if length.microseconds or not least <= length <= most:
        raise Invalid(
            f"`{field}` is a number of whole seconds, {int(least.total_seconds())} s to {most.days} days.", field=field
        )


def _duration(seconds: int | None) -> dt.timedelta | None:
    return None if seconds is None else dt.timedelta(seconds=seconds)
