"""Saving and deleting checks."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, select

from models import Component, HealthCheck, WriteSession
from models.secrets import CannotOpen, Vault
from resolvers.audit_entries import changes, record_audit_entry
from resolvers.components.changing import (
    LONGEST,
    SHORTEST,
    add_component,
    check_count,
    check_duration,
    check_name,
    delete_component,
    find_parent,
    switch,
)
from resolvers.components.observing import lock_component
from resolvers.errors import Invalid, NotFound
from resolvers.health_checks import fields
from resolvers.health_checks.running import Sealed
from resolvers.locks import lock_project

KIND: Final = "http"
TIMEOUT: Final = dt.timedelta(seconds=10)
LEAST_TIMEOUT, MOST_TIMEOUT = dt.timedelta(milliseconds=10), dt.timedelta(minutes=1)
FAILURES, SUCCESSES, MOST_IN_A_ROW = 3, 2, 100


async def save_health_check(
    session: WriteSession,
    *,
    project_id: int,
    number: int | None,
    values: Mapping[str, Any],
    every: dt.timedelta,
    vault: Vault,
    actor: str,
) -> int:
    """Adds a check (`number` None) or changes one, which runs at once then; answers its number.

    `values` has only what is meant, and `name` and `url` always: method, headers, body, every, timeout, conditions,
    failures_before_down, successes_before_healthy, critical, depends_on, enabled; None means the default, of which
    `every` is one. Raises Invalid, NotFound and LimitReached. The caller has asked `check_target`.
    """
    now = dt.datetime.now(dt.UTC)
    await lock_project(session, project_id=project_id)
    if number is None:
        defaults = dict.fromkeys(("every", "timeout", "conditions", "failures_before_down"))
        values = {**defaults, "successes_before_healthy": None, **values}
        row = await add_component(
            session, project_id=project_id, name=values["name"], kind=KIND, every=every, due_at=now
        )
        check = HealthCheck(
            project_id=project_id,
            component_id=row.id,
            url="",
            method="GET",
            header_names=[],
            has_body=False,
            sealed=None,
            timeout_seconds=TIMEOUT.total_seconds(),
            conditions=[],
            certificate_expires_at=None,
        )
        session.add(check)
    else:
        row, check = await _find(session, project_id, number)
        row.name = await check_name(session, project_id=project_id, name=values["name"], number=number)
    before = None if number is None else _audited(row, check)
    await _watch(session, row, values, every, now)
    _ask(check, values, vault)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="health_check.saved",
        target=f"health_check:{row.id}",
        details={"name": row.name, **changes(before, _audited(row, check))},
    )
    return row.id


def _audited(row: Component, check: HealthCheck) -> dict[str, Any]:
    return {
        "method": check.method,
        "url": check.url,
        "headers": check.header_names,
        "everySeconds": row.every_seconds,
        "conditions": check.conditions,
        "critical": row.critical,
        "enabled": row.enabled,
    }


async def delete_health_check(session: WriteSession, *, project_id: int, number: int, actor: str) -> None:
    """Deletes a check, its component and its past. Raises NotFound, and Invalid while others depend on it."""
    await lock_project(session, project_id=project_id)
    row, check = await _find(session, project_id, number)
    details = {"name": row.name, "url": check.url}
    await session.run(
        delete(HealthCheck).where(HealthCheck.project_id == project_id, HealthCheck.component_id == number)
    )
    await delete_component(session, row)
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="health_check.deleted",
        target=f"health_check:{number}",
        details=details,
    )


async def _find(session: WriteSession, project_id: int, number: int) -> tuple[Component, HealthCheck]:
    row = await lock_component(session, project_id=project_id, number=number)
    check = await session.scalar(
        select(HealthCheck).where(HealthCheck.project_id == project_id, HealthCheck.component_id == number)
    )
    if row is None or check is None:
        raise NotFound("There is no such check in this project.", field="id")
    return row, check


async def _watch(
    session: WriteSession, row: Component, values: Mapping[str, Any], every: dt.timedelta, now: dt.datetime
) -> None:
    """When it is looked at, and what its looks mean."""
    if "every" in values:
        length = check_duration(values["every"] or every, field="every", least=SHORTEST, most=LONGEST)
        row.every_seconds = length.total_seconds()
    for name, field, default in (
        ("failures_before_down", "failuresBeforeDown", FAILURES),
        ("successes_before_healthy", "successesBeforeHealthy", SUCCESSES),
    ):
        if name in values:
            value = default if values[name] is None else values[name]
            setattr(row, name, check_count(value, field=field, most=MOST_IN_A_ROW))
    if "critical" in values:
        row.critical = bool(values["critical"])
    if "depends_on" in values:
        row.parent_id = await find_parent(session, row, values["depends_on"])
    row.streak, row.due_at = 0, now
    await switch(session, row, enabled=row.enabled if "enabled" not in values else values["enabled"] is not False)


def _ask(check: HealthCheck, values: Mapping[str, Any], vault: Vault) -> None:
    """What is asked, and what is expected."""
    fields.parse_url(values["url"])
    url = values["url"].strip()
    moved = check.url not in ("", url)
    check.url = url
    if "method" in values:
        check.method = fields.check_method(values["method"] or "GET")
    if "timeout" in values:
        timeout = check_duration(values["timeout"] or TIMEOUT, field="timeout", least=LEAST_TIMEOUT, most=MOST_TIMEOUT)
        check.timeout_seconds = timeout.total_seconds()
    if "conditions" in values:
        check.conditions = fields.check_conditions(values["conditions"])
    if moved:
        check.certificate_expires_at = None
    if "headers" in values or "body" in values:
        _seal(check, values, vault)


def _seal(check: HealthCheck, values: Mapping[str, Any], vault: Vault) -> None:
    try:
        kept = Sealed.open(vault, check)
    except CannotOpen as error:
        if not {"headers", "body"} <= values.keys():
            raise Invalid(f"What is stored cannot be read ({error}): send headers and body anew.") from error
        kept = Sealed()
    headers = fields.check_headers(values["headers"], kept.headers) if "headers" in values else kept.headers
    body = fields.check_body(values["body"]) if "body" in values else kept.body
    check.header_names, check.has_body = list(headers), body is not None
    check.sealed = Sealed(headers, body).seal(vault, project_id=check.project_id, number=check.component_id)
