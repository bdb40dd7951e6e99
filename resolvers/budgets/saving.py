"""Budgets: saved and deleted."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from zoneinfo import available_timezones

from sqlalchemy import func, select

from models import ApiKey, Budget, WriteSession
from models.base import PICODOLLARS
from resolvers.audit_entries import changes, record_audit_entry
from resolvers.budgets.listing import count_budgets, get_budget
from resolvers.errors import Invalid, LimitReached, NotFound
from resolvers.locks import lock_project
from resolvers.texts import check_text

MOST_BUDGETS: Final = 1000
MOST_NAME: Final = 100
MOST_VALUE: Final = 512
MOST_USD: Final = 1_000_000
LEAST_USD: Final = Decimal("0.000001")
MOST_SHARE: Final = 10.0
SOFT, HARD = 0.8, 1.0
ZONE: Final = "UTC"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a budget is about: `kind` is project, subject, model or key, `value` which one; None for the project."""

    kind: str = "project"
    value: str | None = None


async def save_budget(
    session: WriteSession,
    *,
    project_id: int,
    number: int | None,
    name: str,
    amount_usd: Decimal,
    window: str,
    values: Mapping[str, Any],
    actor: str,
) -> Budget:
    """Adds a budget (`number` None) or changes one.

    `values` has, of scope (a Scope), time_zone, soft_threshold and hard_threshold, what is meant; None is the default.
    Raises Invalid, NotFound and LimitReached.
    """
    now = dt.datetime.now(dt.UTC)
    name = check_text(name, field="name", most=MOST_NAME)
    amount = _amount(amount_usd)
    await lock_project(session, project_id=project_id)
    budget = await (_new(session, project_id, now) if number is None else _find(session, project_id, number))
    before = None if number is None else _audited(budget)
    budget.name, budget.amount_picousd, budget.window, budget.updated_at = name, amount, window, now
    if "scope" in values:
        scope = values["scope"] or Scope()
        budget.scope, budget.scope_value = scope.kind, await _checked(session, project_id, scope)
    if "time_zone" in values:
        budget.time_zone = _zone(values["time_zone"] or ZONE)
    if "soft_threshold" in values:
        budget.soft_threshold = SOFT if values["soft_threshold"] is None else values["soft_threshold"]
    if "hard_threshold" in values:
        budget.hard_threshold = HARD if values["hard_threshold"] is None else values["hard_threshold"]
    if not 0 < budget.soft_threshold <= budget.hard_threshold <= MOST_SHARE:
        raise Invalid(
            f"Thresholds are shares of the amount, above 0 and up to {MOST_SHARE:g}, the soft one not above the hard.",
            field="softThreshold",
        )
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="budget.saved",
        target=f"budget:{budget.id}",
        details={"name": name, **changes(before, _audited(budget))},
    )
    return budget


def _audited(budget: Budget) -> dict[str, Any]:
    return {
        "name": budget.name,
        "amountPicousd": budget.amount_picousd,
        "scope": budget.scope,
        "scopeValue": budget.scope_value,
        "window": budget.window,
        "timeZone": budget.time_zone,
        "softThreshold": budget.soft_threshold,
        "hardThreshold": budget.hard_threshold,
    }


async def delete_budget(session: WriteSession, *, project_id: int, number: int, actor: str) -> None:
    """Ends a budget; rules that watch it cannot be evaluated any more. Raises NotFound."""
    await lock_project(session, project_id=project_id)
    budget = await _find(session, project_id, number)
    budget.deleted_at = dt.datetime.now(dt.UTC)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="budget.deleted",
        target=f"budget:{number}",
        details={"name": budget.name},
    )


async def _find(session: WriteSession, project_id: int, number: int) -> Budget:
    budget = await get_budget(session, project_id=project_id, number=number)
    if budget is None:
        raise NotFound("There is no such budget in this project.", field="id")
    return budget


async def _new(session: WriteSession, project_id: int, now: dt.datetime) -> Budget:
    if await count_budgets(session, project_id=project_id) >= MOST_BUDGETS:
        raise LimitReached(f"A project has at most {MOST_BUDGETS:,} budgets.")
    last = await session.scalar(select(func.max(Budget.id)).where(Budget.project_id == project_id)) or 0
    budget = Budget(
        project_id=project_id,
        id=last + 1,
        scope="project",
        scope_value=None,
        time_zone=ZONE,
        soft_threshold=SOFT,
        hard_threshold=HARD,
        created_at=now,
        deleted_at=None,
    )
    session.add(budget)
    return budget


async def _checked(session: WriteSession, project_id: int, scope: Scope) -> str | None:
    if scope.kind == "project":
        if scope.value is not None:
            raise Invalid("A budget of the whole project has no `scopeValue`.", field="scopeValue")
        return None
    if scope.value is None:
        raise Invalid(f"Say which {scope.kind} it is about.", field="scopeValue")
    if scope.kind == "key":
        known = select(ApiKey.id).where(ApiKey.project_id == project_id, ApiKey.id == int(scope.value))
        if await session.scalar(known) is None:
            raise NotFound("There is no such key in this project.", field="scopeValue")
        return scope.value
    return check_text(scope.value, field="scopeValue", most=MOST_VALUE)


def _amount(usd: Decimal) -> int:
    if not usd.is_finite() or not LEAST_USD <= usd <= MOST_USD:
        raise Invalid(f"An amount lies between {LEAST_USD} and {MOST_USD:,} dollars.", field="amountUsd")
    return int(usd * PICODOLLARS)


def _zone(name: str) -> str:
    if name not in available_timezones() or name == "localtime":
        raise Invalid(f"`{name[:64]}` is not an IANA time zone such as Europe/Paris.", field="timeZone")
    return name
