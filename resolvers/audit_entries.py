"""The audit log: one row for each administrative action, in the transaction of the action itself."""

import datetime as dt
from typing import Any

from uuid_utils import uuid7

from models import AuditEntry, WriteSession


def record_audit_entry(
    session: WriteSession,
    *,
    project_id: int,
    actor: str,
    action: str,
    target: str | None = None,
    details: dict[str, Any] | None = None,
) -> AuditEntry:
    """Says who did what: `actor` is a key's name or `cli`, `bootstrap`; `action` is dotted, in the past tense.

    `target` names the object (`api_key:3`); `details` is JSON without secrets.
    """
    entry = AuditEntry(
        project_id=project_id,
        id=str(uuid7()),
        time=dt.datetime.now(dt.UTC),
        actor=actor,
        action=action,
        target=target,
        details=details or {},
    )
    session.add(entry)
    return entry
