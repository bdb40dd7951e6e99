"""What the rules of a project remember between evaluations: loaded by one statement, and only changes written, at once.

Of many rules most remember nothing, or the same as before: so rows are plain here, and decoded by who looks at them.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from models import AlertEvaluation, RuleState, WriteSession
from resolvers.alerts.cases import Case
from resolvers.alerts.evaluating import NOTHING, Step
from resolvers.rollups.upserts import insert_into, table_of

Place = tuple[int, str]
"""The number of a rule, and the instance."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is stored of an instance: how its rule is, why, and the memory as JSON."""

    state: str
    reason: str
    memory: dict[str, Any]
    alert_id: int | None


@dataclass(slots=True)
class Memories:
    """The memories of a project's rules, and the evaluations to be kept."""

    session: WriteSession
    project_id: int
    _known: dict[Place, Remembered] = field(default_factory=dict)
    _instances: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    _changed: dict[Place, Remembered] = field(default_factory=dict)
    _forgotten: list[Place] = field(default_factory=list)
    _kept: list[dict[str, Any]] = field(default_factory=list)

    async def load(self) -> None:
        """Reads them all."""
        table = table_of(RuleState)
        columns = table.c.rule_id, table.c.instance, table.c.state, table.c.reason, table.c.memory, table.c.alert_id
        for rule_id, instance, *rest in await self.session.rows(
            select(*columns).where(table.c.project_id == self.project_id)
        ):
            self._known[rule_id, instance] = Remembered(*rest)
            self._instances[rule_id].add(instance)

    def instances(self, rule_id: int) -> Collection[str]:
        """The instances of a rule of which something is remembered."""
        return self._instances.get(rule_id, ())

    def get(self, rule_id: int, instance: str) -> Remembered | None:
        """What is remembered of an instance."""
        return self._known.get((rule_id, instance))

    def keep(self, case: Case, step: Step, *, time: dt.datetime, alert_id: int | None) -> None:
        """Keeps an evaluation, for whoever asks why."""
        self._kept.append(
            {
                "project_id": self.project_id,
                "rule_id": case.watching.number,
                "instance": case.instance,
                "time": time,
                "alert_id": alert_id,
                "outcome": step.outcome,
                "value": case.shown_value,
                "threshold": step.threshold,
            }
        )

    def remember(self, case: Case, step: Step, *, alert_id: int | None) -> None:
        """Takes in what a step left to remember."""
        place = (case.watching.number, case.instance)
        if step.memory == NOTHING:
            if place in self._known:
                self._forgotten.append(place)
            return
        self._changed[place] = Remembered(*case.shown(step), step.memory.to_json(), alert_id)

    async def store(self) -> None:
        """Writes what has changed."""
        states, key = table_of(RuleState), {"project_id": self.project_id}
        if self._forgotten:
            gone = delete(states).where(
                states.c.project_id == self.project_id,
                states.c.rule_id == bindparam("number"),
                states.c.instance == bindparam("named"),
            )
            await self.session.run_many(gone, [{"number": number, "named": name} for number, name in self._forgotten])
        if self._changed:
            upsert = insert_into(states, self.session.dialect)
            told = {name: upsert.excluded[name] for name in Remembered.__dataclass_fields__}
            await self.session.run_many(
                upsert.on_conflict_do_update(index_elements=list(states.primary_key.columns), set_=told),
                [
                    {
                        **key,
                        "rule_id": number,
                        "instance": name,
                        "state": new.state,
                        "reason": new.reason,
                        "memory": new.memory,
                        "alert_id": new.alert_id,
                    }
                    for (number, name), new in self._changed.items()
                ],
            )
        if self._kept:
            await self.session.run_many(insert(table_of(AlertEvaluation)), self._kept)
