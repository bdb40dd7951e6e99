"""What the feed tells of bugs: one fact for each change, in its transaction, with the bug as the change left it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from uuid_utils import uuid7

from models import Activity, Bug, BugChange, WriteSession
from realtime.facts import ActivityFact

KIND: Final = "bug"
NODE_TYPE: Final = "Bug"
VERBS: Final = {
    "filed": "filed",
    "updated": "changed",
    "commented": "commented on",
    "repeated": "met again",
    "regressed": "back after its resolution",
}

_UNTOLD: Final = {"project_id", "words"}
_COLUMNS: Final = [column.key for column in Bug.__mapper__.column_attrs if column.key not in _UNTOLD]
_TIMES: Final = {name for name in _COLUMNS if name.endswith("_at")}


def tell(
    session: WriteSession,
    bug: Bug,
    what: str,
    *,
    actor: str,
    now: dt.datetime,
    changes: Sequence[BugChange] = (),
    **more: Any,
) -> None:
    """Announces what has become of a bug: `what` is one of VERBS."""
    told = {name: getattr(bug, name) for name in _COLUMNS}
    told |= {name: told[name] and told[name].isoformat() for name in _TIMES}
    changed = [{"field": change.field, "before": change.before, "after": change.after} for change in changes]
    session.announce(
        Activity(
            project_id=bug.project_id,
            time=now,
            id=str(uuid7()),
            kind=KIND,
            name=f"{KIND}.{what}",
            title=f"Bug {bug.number} {VERBS[what]}: {bug.title}",
            subject=bug.reporter,
            severity=bug.severity,
            node_type=NODE_TYPE,
            node_key=str(bug.number),
            payload={"actor": actor, "bug": told, "changes": changed, **more},
        )
    )


def told_bug(fact: ActivityFact) -> Bug:
    """The bug as a fact tells of it."""
    told = dict(fact.payload["bug"])
    told |= {name: told[name] and dt.datetime.fromisoformat(told[name]) for name in _TIMES}
    return Bug(project_id=fact.project_id, **told)
