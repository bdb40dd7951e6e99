"""One evaluation of a project's rules, written: what each rule remembers, the alerts that open and end, who is told."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import func, select

from models import Alert, AlertRule, AlertSuppression, WriteSession
from models.alerts import OPEN_STATES
from resolvers.alerts.cases import BROKEN_INSTANCE, Case, Watching
from resolvers.alerts.closing import end
from resolvers.alerts.components import Outages, look_soon
from resolvers.alerts.evaluating import NOTHING, PENDING, Condition, Event, Memory, Step, evaluate
from resolvers.alerts.figures import COMPONENTS_DOWN, NO_INSTANCE, Instances
from resolvers.alerts.notifying import is_due, note_suppressions, notify_firing
from resolvers.alerts.opening import follow
from resolvers.alerts.reading import Unreadable
from resolvers.alerts.remembering import Memories
from resolvers.alerts.silences import silences_that_hold
from resolvers.alerts.suppression import Suppression, dependency, suppressions_of

MOST_READ: Final = 1000


@dataclass(slots=True)
class Evaluation:
    """The evaluation of a project's rules at `time`, by the clock of `now`. `figures` gathers the values by rule."""

    session: WriteSession
    project_id: int
    time: dt.datetime
    now: dt.datetime
    outages: Outages | None = None
    figures: dict[str, float | None] = field(default_factory=dict)
    _memories: Memories = field(init=False)
    _alerts: dict[int, Alert] = field(default_factory=dict)
    _rows: dict[int, AlertRule] = field(default_factory=dict)
    _held_back: dict[int, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    _ended: dict[int, list[tuple[Alert, str]]] = field(default_factory=lambda: defaultdict(list))
    _unsure: set[str] = field(default_factory=set)
    _last_alert: int | None = None

    def __post_init__(self) -> None:
        self._memories = Memories(self.session, self.project_id)

    async def run(self, rules: Sequence[Watching], found: Mapping[int, Instances | Unreadable]) -> None:
        """Evaluates rules on what was found for each, by its number, and tells whom it concerns."""
        await self._load()
        for watching in rules:
            for case in self._cases(watching, found.get(watching.number)):
                await self._step(case)
        if self._unsure:
            await look_soon(self.session, project_id=self.project_id, names=self._unsure, now=self.now)
        await self._memories.store()
        await self._know_rules({alert.rule_id for alert in self._alerts.values()})
        for number, alerts in self._ended.items():
            await end(self.session, self._rows[number], alerts, actor=None, now=self.time)
        await self._notify()

    async def _load(self) -> None:
        """Reads what the rules remember, the alerts that are open, and what held them back."""
        await self._memories.load()
        opened = Alert.project_id == self.project_id, Alert.state.in_(OPEN_STATES)
        self._alerts = {alert.id: alert for alert in await self.session.scalars(select(Alert).where(*opened))}
        known = select(AlertSuppression.alert_id, AlertSuppression.kind, AlertSuppression.key).where(
            AlertSuppression.project_id == self.project_id,
            AlertSuppression.alert_id.in_(select(Alert.id).where(*opened)),
        )
        for alert_id, kind, key in await self.session.rows(known):
            self._held_back[alert_id].add((kind, key))

    def _cases(self, watching: Watching, values: Instances | Unreadable | None) -> list[Case]:
        """The instances of a rule that need a step: those with anything to remember or to say."""
        remembered = self._memories.instances(watching.number)
        broken = watching.broken or (values.reason if isinstance(values, Unreadable) else None)
        if broken or BROKEN_INSTANCE in remembered:
            self.figures[str(watching.number)] = None
            condition = Condition("greater", 0.0, watching.severity)
            case = Case(watching, BROKEN_INSTANCE, condition, 1.0 if broken else 0.0, broken)
            rest = [] if broken else self._figures(watching, values, remembered)
            return [case, *rest]
        return self._figures(watching, values, remembered)

    def _figures(
        self, watching: Watching, values: Instances | Unreadable | None, remembered: Collection[str]
    ) -> list[Case]:
        rule = watching.rule
        if rule is None or values is None or isinstance(values, Unreadable):
            return []
        condition = watching.condition
        if rule.metric == COMPONENTS_DOWN:
            self.figures[str(watching.number)] = float(len(values))
            names = sorted({*values, *remembered} - {BROKEN_INSTANCE, NO_INSTANCE})
            return [Case(watching, name, condition, values.get(name, 0.0)) for name in names]
        self.figures[str(watching.number)] = value = values[NO_INSTANCE]
        if value is not None and NO_INSTANCE not in remembered and not condition.level(value):
            return []
        case = Case(watching, NO_INSTANCE, condition, value)
        known = self._memories.get(watching.number, NO_INSTANCE)
        if value is None and known is not None and case.still_without_data(known.memory, (known.state, known.reason)):
            return []
        return [case]

    async def _step(self, case: Case) -> None:
        known = self._memories.get(case.watching.number, case.instance)
        before = Memory.from_json(known.memory) if known else NOTHING
        blocking = dependency(case.instance, self.outages, time=self.time)
        step = evaluate(case.condition, before, time=self.time, value=case.value, blocked=bool(blocking))
        if blocking and self.outages and (parent := self.outages.parent_unsure(case.instance, self.time)):
            self._unsure.add(parent)
        alert = self._alerts.get(known.alert_id) if known and known.alert_id else None
        if Event.OPENED in step.events:
            alert = await self._open(case, step)
        over = False
        if alert is not None:
            await follow(self.session, case, alert, step, time=self.time)
            if over := bool({Event.RESOLVED, Event.LAPSED} & {*step.events}):
                fired = alert.fired_at is not None
                self._ended[case.watching.number].append((alert, case.over(fired=fired)))
            elif alert.state == PENDING:
                self._hold_back(alert, blocking)
        if step.outcome != before.outcome or alert is not None:
            self._memories.keep(case, step, time=self.time, alert_id=alert.id if alert else None)
        if step.memory != before or (known is not None and (known.state, known.reason) != case.shown(step)):
            self._memories.remember(case, step, alert_id=None if over or alert is None else alert.id)

    async def _open(self, case: Case, step: Step) -> Alert:
        if self._last_alert is None:
            last = select(func.max(Alert.id)).where(Alert.project_id == self.project_id)
            self._last_alert = await self.session.scalar(last) or 0
        self._last_alert += 1
        level = step.memory.level
        alert = Alert(
            project_id=self.project_id,
            id=self._last_alert,
            rule_id=case.watching.number,
            instance="" if case.is_broken else case.instance,
            kind="broken" if case.is_broken else "figure",
            state=PENDING,
            severity=case.condition.severity_at(level),
            value=case.shown_value,
            threshold=case.condition.threshold_at(level),
            started_at=step.memory.since or self.time,
        )
        self.session.add(alert)
        self._alerts[alert.id] = alert
        return alert

    def _hold_back(self, alert: Alert, found: Sequence[Suppression]) -> None:
        note_suppressions(self.session, alert, found, self._held_back[alert.id], self.now)

    async def _notify(self) -> None:
        """Tells of what fires and was not told of, or has to be told again, unless something keeps it quiet."""
        due: dict[int, list[Alert]] = defaultdict(list)
        firing = [alert for alert in self._alerts.values() if alert.state in ("firing", "acknowledged")]
        if not firing:
            return
        silences = await silences_that_hold(self.session, project_id=self.project_id, now=self.now)
        for alert in firing:
            rule = self._rows[alert.rule_id]
            if not is_due(rule, alert, self.now):
                continue
            found = suppressions_of(rule, alert, silences=silences, outages=self.outages, now=self.now)
            if found:
                self._hold_back(alert, found)
            else:
                due[rule.id].append(alert)
        for number, alerts in due.items():
            await notify_firing(self.session, self._rows[number], alerts, now=self.now)

    async def _know_rules(self, numbers: set[int]) -> None:
        """Reads rules, as many at a time as fit into a statement."""
        wanted = sorted(numbers)
        for start in range(0, len(wanted), MOST_READ):
            some = AlertRule.id.in_(wanted[start : start + MOST_READ])
            rows = await self.session.scalars(select(AlertRule).where(AlertRule.project_id == self.project_id, some))
            self._rows |= {row.id: row for row in rows}
