"""Rules: how they are saved, found and deleted."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import func, select, tuple_

from models import AlertRule, Channel, ReadSession, WriteSession
from resolvers.alerts.clocks import lock
from resolvers.alerts.closing import close_alerts
from resolvers.alerts.definitions import Rule
from resolvers.audit_entries import changes, record_audit_entry
from resolvers.budgets.listing import get_budget
from resolvers.errors import LimitReached, NotFound

MOST_RULES: Final = 10_000


async def save_rule(
    session: WriteSession, *, project_id: int, actor: str, number: int | None, rule: Rule, now: dt.datetime
) -> AlertRule:
    """A new rule, or the rule of that number as `rule` says from now on. Alerts that a disabled one has open end.

    Raises NotFound, Invalid that names the field, and LimitReached.
    """
    rule.check()
    clock = await lock(session, project_id=project_id)
    await _check_channels(session, project_id, rule)
    if rule.budget is not None and await get_budget(session, project_id=project_id, number=rule.budget) is None:
        raise NotFound("There is no such budget in this project.", field="budgetId")
    before = None
    if number is None:
        row = await _new(session, project_id, now)
    else:
        found = await get_rule(session, project_id=project_id, number=number)
        if found is None:
            raise NotFound("There is no such rule in this project.", field="id")
        row, before = found, _audited(found)
    store(row, rule, now)
    clock.rules_version += 1
    if not rule.enabled:
        await close_alerts(session, row, reason="the rule was disabled", actor=actor, now=now)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="alert_rule.saved",
        target=f"alert_rule:{row.id}",
        details={"name": row.name, **changes(before, _audited(row))},
    )
    return row


async def delete_rule(session: WriteSession, *, project_id: int, actor: str, number: int, now: dt.datetime) -> None:
    """Takes a rule out of service; its open alerts end, and those that it opened stay to be read. Raises NotFound."""
    clock = await lock(session, project_id=project_id)
    row = await get_rule(session, project_id=project_id, number=number)
    if row is None:
        raise NotFound("There is no such rule in this project.", field="id")
    row.deleted_at = row.updated_at = now
    clock.rules_version += 1
    await close_alerts(session, row, reason="the rule was deleted", actor=actor, now=now)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="alert_rule.deleted",
        target=f"alert_rule:{number}",
        details={"name": row.name},
    )


def _audited(row: AlertRule) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name", "metric", "threshold", "severity", "enabled")}


def store(row: AlertRule, rule: Rule, now: dt.datetime) -> None:
    """Makes a row say what a rule asks."""
    row.name = " ".join(rule.name.split())
    row.metric, row.basis = rule.metric, rule.basis
    row.filter = {name: list(values) for name, values in asdict(rule.filter).items() if values}
    row.comparison, row.threshold, row.warn_threshold = rule.comparison, rule.threshold, rule.warn_threshold
    row.window_seconds, row.for_seconds = int(rule.window.total_seconds()), int(rule.hold.total_seconds())
    row.no_data, row.severity = rule.no_data, rule.severity
    row.channel_ids = None if rule.channel_ids is None else list(rule.channel_ids)
    row.renotify_seconds, row.throttle_seconds = _seconds(rule.renotify_every), _seconds(rule.throttle)
    row.runbook_url, row.enabled, row.files_bugs = rule.runbook_url, rule.enabled, rule.files_bugs
    row.budget_id = rule.budget
    row.updated_at = now


async def get_rule(session: ReadSession, *, project_id: int, number: int) -> AlertRule | None:
    """The rule of that number, unless it was deleted."""
    return await session.scalar(
        select(AlertRule).where(
            AlertRule.project_id == project_id, AlertRule.id == number, AlertRule.deleted_at.is_(None)
        )
    )


async def list_rules(
    session: ReadSession, *, project_id: int, limit: int, after: int | None = None
) -> Sequence[AlertRule]:
    """At most `limit` rules, the oldest first, behind number `after`."""
    rules = select(AlertRule).where(
        AlertRule.project_id == project_id, AlertRule.deleted_at.is_(None), AlertRule.id > (after or 0)
    )
    return await session.scalars(rules.order_by(AlertRule.id).limit(limit))


async def count_rules(session: ReadSession, *, project_id: int) -> int:
    """How many rules a project has."""
    counted = select(func.count()).where(AlertRule.project_id == project_id, AlertRule.deleted_at.is_(None))
    return await session.scalar(counted) or 0


async def rules_by_number(session: ReadSession, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], AlertRule]:
    """The rules with these project ids and numbers, deleted ones too."""
    rows = await session.scalars(select(AlertRule).where(tuple_(AlertRule.project_id, AlertRule.id).in_(list(keys))))
    return {(row.project_id, row.id): row for row in rows}


async def _new(session: WriteSession, project_id: int, now: dt.datetime) -> AlertRule:
    if await count_rules(session, project_id=project_id) >= MOST_RULES:
        raise LimitReached(f"A project has at most {MOST_RULES:,} rules.")
    last = await session.scalar(select(func.max(AlertRule.id)).where(AlertRule.project_id == project_id))
    row = AlertRule(project_id=project_id, id=(last or 0) + 1, created_at=now)
    session.add(row)
    return row


async def _check_channels(session: ReadSession, project_id: int, rule: Rule) -> None:
    wanted = set(rule.channel_ids or ())
    if not wanted:
        return
    known = await session.scalars(
        select(Channel.id).where(
            Channel.project_id == project_id, Channel.id.in_(sorted(wanted)), Channel.deleted_at.is_(None)
        )
    )
    if wanted - set(known):
        raise NotFound("There is no such channel in this project.", field="channelIds")


def _seconds(length: dt.timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())
