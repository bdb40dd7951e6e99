"""Alerts as they are read: by number, and in pages, the newest first."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, select, tuple_

from models import Alert, Channel, ReadSession, RuleState
from models.base import UtcDateTime
from resolvers.facts import among
from resolvers.metrics.periods import Period

STATES_BY_WEIGHT = ("broken", "firing", "pending", "no_data", "ok")
"""Of the instances of a rule, the one that says how the rule is."""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Each list keeps alerts with one of its values, an empty one all; `period` those that were open in it."""

    states: Sequence[str] = ()
    severities: Sequence[str] = ()
    rules: Sequence[int] | None = None
    period: Period | None = None

    def conditions(self, project_id: int) -> list[ColumnElement[bool]]:
        """The rows of a project that it keeps. Raises Invalid past 1,000 values a list."""
        wanted = [
            Alert.project_id == project_id,
            *among(Alert.state, self.states),
            *among(Alert.severity, self.severities),
        ]
        if self.rules is not None:
            wanted.append(Alert.rule_id.in_(list(self.rules)))
        if self.period is not None:
            wanted += [
                Alert.started_at < self.period.end,
                Alert.resolved_at.is_(None) | (Alert.resolved_at >= self.period.start),
            ]
        return wanted


async def get_alert(session: ReadSession, *, project_id: int, number: int) -> Alert | None:
    """The alert of that number."""
    return await session.scalar(select(Alert).where(Alert.project_id == project_id, Alert.id == number))


async def list_alerts(
    session: ReadSession,
    *,
    project_id: int,
    kept: AlertFilter,
    limit: int,
    after: tuple[dt.datetime, int] | None = None,
) -> Sequence[Alert]:
    """At most `limit` alerts behind `after` (when it started, number), the one that started last first."""
    rows = select(Alert).where(*kept.conditions(project_id))
    if after is not None:
        place = tuple_(*after, types=[UtcDateTime(), BigInteger()])
        rows = rows.where(tuple_(Alert.started_at, Alert.id) < place)
    return await session.scalars(rows.order_by(Alert.started_at.desc(), Alert.id.desc()).limit(limit))


async def count_alerts(session: ReadSession, *, project_id: int, kept: AlertFilter) -> int:
    """How many alerts a filter keeps."""
    return await session.scalar(select(func.count()).select_from(Alert).where(*kept.conditions(project_id))) or 0


async def alerts_by_number(session: ReadSession, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], Alert]:
    """The alerts with these project ids and numbers."""
    rows = await session.scalars(select(Alert).where(tuple_(Alert.project_id, Alert.id).in_(list(keys))))
    return {(row.project_id, row.id): row for row in rows}


async def alerts_by_bug(session: ReadSession, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], Alert]:
    """The alerts that filed bugs, by project id and number of the bug."""
    rows = await session.scalars(select(Alert).where(tuple_(Alert.project_id, Alert.bug_number).in_(list(keys))))
    return {(row.project_id, row.bug_number): row for row in rows if row.bug_number is not None}


async def states_by_rule(
    session: ReadSession, keys: Collection[tuple[int, int]]
) -> dict[tuple[int, int], tuple[str, str]]:
    """The state of rules and why, by project id and number. Those that are left out are as they should be."""
    found: dict[tuple[int, int], list[RuleState]] = defaultdict(list)
    place = tuple_(RuleState.project_id, RuleState.rule_id)
    for row in await session.scalars(select(RuleState).where(place.in_(list(keys))).order_by(RuleState.instance)):
        found[row.project_id, row.rule_id].append(row)
    states = {}
    for key, rows in found.items():
        worst = min(rows, key=lambda row: STATES_BY_WEIGHT.index(row.state))
        alike = sum(row.state == worst.state for row in rows) - 1
        states[key] = worst.state, worst.reason + (f" (and {alike} more)" if alike and worst.reason else "")
    return states


async def channels_by_number(session: ReadSession, keys: Collection[Any]) -> dict[tuple[int, int], Channel]:
    """The channels with these project ids and numbers."""
    rows = await session.scalars(select(Channel).where(tuple_(Channel.project_id, Channel.id).in_(list(keys))))
    return {(row.project_id, row.id): row for row in rows}


async def enabled_channels(session: ReadSession, keys: Collection[int]) -> dict[int, list[Channel]]:
    """The channels of projects that are told of everything, by project id."""
    found: dict[int, list[Channel]] = {project_id: [] for project_id in keys}
    rows = await session.scalars(
        select(Channel)
        .where(Channel.project_id.in_(list(keys)), Channel.enabled, Channel.deleted_at.is_(None))
        .order_by(Channel.id)
    )
    for row in rows:
        found[row.project_id].append(row)
    return found
