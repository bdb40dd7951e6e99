"""The rules that every project begins with. They are rules like any other: people change, disable and delete them."""

import datetime as dt
from typing import Final

from sqlalchemy import select

from models import AlertClock, AlertRule, Project, WriteSession
from resolvers.alerts.definitions import Rule
from resolvers.alerts.rules import store

MINUTE: Final = dt.timedelta(minutes=1)

DEFAULTS: Final[dict[str, Rule]] = {
    "cost": Rule(
        name="Cost over $100 a day",
        metric="usage_cost_usd",
        comparison="greater",
        threshold=100,
        window=MINUTE * 24 * 60,
        severity="high",
        no_data="ok",
    ),
    "usage_errors": Rule(
        name="Error rate of model calls over 5 %",
        metric="usage_error_rate",
        comparison="greater",
        threshold=0.05,
        window=MINUTE * 5,
        severity="high",
        no_data="ok",
    ),
    "api_errors": Rule(
        name="Error rate of API calls over 5 %",
        metric="api_error_rate",
        comparison="greater",
        threshold=0.05,
        window=MINUTE * 5,
        severity="high",
        no_data="ok",
    ),
    "api_errors_critical": Rule(
        name="Error rate of API calls over 1 %",
        metric="api_error_rate",
        comparison="greater",
        threshold=0.01,
        window=MINUTE * 5,
        severity="critical",
        throttle=MINUTE * 5,
        no_data="ok",
    ),
    "api_time": Rule(
        name="Mean time of API calls over 2,000 ms",
        metric="api_mean_ms",
        comparison="greater",
        threshold=2_000,
        window=MINUTE * 5,
        severity="medium",
        no_data="ok",
    ),
    "api_time_high": Rule(
        name="Mean time of API calls over 1,000 ms",
        metric="api_mean_ms",
        comparison="greater",
        threshold=1_000,
        window=MINUTE * 5,
        severity="high",
        throttle=MINUTE * 15,
        no_data="ok",
    ),
    "sockets": Rule(
        name="More than 1,000 open sockets",
        metric="sockets",
        comparison="greater",
        threshold=1_000,
        window=MINUTE,
        hold=MINUTE,
        severity="medium",
    ),
    "components": Rule(
        name="A component is down",
        metric="components_down",
        comparison="greater",
        threshold=0,
        window=MINUTE,
        severity="high",
    ),
    "auth": Rule(
        name="Keys were refused",
        metric="auth_failures",
        comparison="greater",
        threshold=0,
        window=MINUTE,
        severity="critical",
    ),
}


async def seed(session: WriteSession, *, project_id: int, now: dt.datetime) -> None:
    """Gives a project its clock and its first rules."""
    session.add(AlertClock(project_id=project_id, evaluated_until=now, claimed_until=None, rules_version=1, figures={}))
    for number, (origin, rule) in enumerate(DEFAULTS.items(), 1):
        row = AlertRule(project_id=project_id, id=number, origin=origin, created_at=now)
        store(row, rule, now)
        session.add(row)


async def seed_all(session: WriteSession, *, now: dt.datetime) -> None:
    """Does so for projects that were there before there were alerts."""
    bare = select(Project.id).outerjoin(AlertClock, AlertClock.project_id == Project.id)
    for project_id in await session.scalars(bare.where(AlertClock.project_id.is_(None)).order_by(Project.id)):
        await seed(session, project_id=project_id, now=now)
