"""A project whose rules are evaluated by a clock that tests turn."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select, update

from models import Alert, AlertClock, AlertRule, AlertTransition, Channel, Database, Delivery
from realtime.facts import Fact
from resolvers.alerts.definitions import Rule
from resolvers.alerts.engine import Engine
from resolvers.alerts.pace import Pace
from resolvers.alerts.rules import save_rule
from resolvers.rollups.fold import fold
from tests.realtime.log import api_call, commit, make_months

MINUTE = dt.timedelta(minutes=1)
STEP = dt.timedelta(seconds=15)
PACE = Pace(every=STEP, settle=dt.timedelta(seconds=10))
START = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)

ERRORS = Rule(
    name="Errors",
    metric="api_error_rate",
    comparison="greater",
    threshold=0.05,
    window=MINUTE * 5,
    severity="high",
)


class Lookout:
    """The rules of one project, and the clock."""

    def __init__(self, database: Database, project_id: int, now: dt.datetime = START) -> None:
        self.database = database
        self.project_id = project_id
        self.now = now
        self.engine = Engine(database, PACE)

    async def begin(self, *, seeded: bool = False) -> None:
        """Sets the project's clock to now; without its seeded rules, unless they are wanted."""
        async with self.database.write() as session:
            of_project = AlertClock.project_id == self.project_id
            await session.run(update(AlertClock).where(of_project).values(evaluated_until=self.now))
            if not seeded:
                await session.run(delete(AlertRule).where(AlertRule.project_id == self.project_id))

    async def rule(self, rule: Rule = ERRORS, number: int | None = None, **values: Any) -> AlertRule:
        """A saved rule."""
        async with self.database.write() as session:
            return await save_rule(
                session,
                project_id=self.project_id,
                actor="tests",
                number=number,
                rule=replace(rule, **values),
                now=self.now,
            )

    async def channel(self, name: str = "hook", kind: str = "webhook", minimum: str = "low") -> int:
        """A channel's number."""
        async with self.database.write() as session:
            known = await session.scalars(select(Channel.id).where(Channel.project_id == self.project_id))
            number = max(known, default=0) + 1
            session.add(
                Channel(
                    project_id=self.project_id,
                    id=number,
                    name=name,
                    kind=kind,
                    minimum_severity=minimum,
                    enabled=True,
                    encrypted_url=b"",
                    masked_url="",
                    created_at=self.now,
                    updated_at=self.now,
                )
            )
        return number

    async def traffic(self, facts: Sequence[Fact], *, folded: bool = True) -> None:
        """Commits facts, and folds them."""
        await make_months(self.database, *{fact.time.replace(day=1) for fact in facts})
        for start in range(0, len(facts), 1000):
            await commit(self.database, facts[start : start + 1000])
        while folded and await fold(self.database, self.project_id):
            pass

    async def run(self, length: dt.timedelta) -> None:
        """Lets time pass, and the engine run each second that matters."""
        end = self.now + length
        while self.now < end:
            self.now += STEP
            await self.engine.step(self.now + PACE.settle)

    async def alerts(self) -> list[Alert]:
        """The alerts, the oldest first."""
        async with self.database.read() as session:
            return list(
                await session.scalars(select(Alert).where(Alert.project_id == self.project_id).order_by(Alert.id))
            )

    async def steps(self, alert: Alert) -> list[str]:
        """The states that an alert went through."""
        async with self.database.read() as session:
            return list(
                await session.scalars(
                    select(AlertTransition.to_state)
                    .where(AlertTransition.project_id == self.project_id, AlertTransition.alert_id == alert.id)
                    .order_by(AlertTransition.ordinal)
                )
            )

    async def deliveries(self) -> list[Delivery]:
        """What waits in the outbox, in order."""
        async with self.database.read() as session:
            return list(
                await session.scalars(
                    select(Delivery).where(Delivery.project_id == self.project_id).order_by(Delivery.id)
                )
            )

    async def sent(self) -> list[str]:
        """The kinds of what waits in the outbox, in order."""
        return [delivery.kind for delivery in await self.deliveries()]


def calls(
    project_id: int,
    start: dt.datetime,
    length: dt.timedelta,
    *,
    failing: tuple[dt.datetime, dt.datetime] | None = None,
    every: dt.timedelta = dt.timedelta(seconds=1),
    **values: Any,
) -> list[Fact]:
    """API calls at a steady pace; those in `failing` all fail."""
    facts: list[Fact] = []
    for number in range(length // every):
        time = start + every * number
        bad = failing is not None and failing[0] <= time < failing[1]
        facts.append(api_call(project_id, f"{start.isoformat()} {number}", time, status=500 if bad else 200, **values))
    return facts
