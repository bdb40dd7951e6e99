"""Bugs as CSV, page by page, for spreadsheets."""

import datetime as dt
import re
from collections.abc import AsyncIterator
from typing import Any, Final

from models import Bug, Database
from resolvers.bugs.filters import BugFilter
from resolvers.bugs.listing import BugOrder, list_bugs
from resolvers.exports.cells import guarded, lines

PAGE: Final = 500
COLUMNS: Final = (
    "number",
    "title",
    "status",
    "severity",
    "priority",
    "category",
    "device",
    "reporter",
    "assignee",
    "labels",
    "links",
    "occurrences",
    "comments",
    "duplicateOf",
    "fingerprint",
    "filedBy",
    "createdAt",
    "updatedAt",
    "lastSeenAt",
    "resolvedAt",
    "version",
    "description",
)

_ENUMS: Final = {"status", "severity", "priority"}


async def export_bugs(database: Database, *, project_id: int, kept: BugFilter, order: BugOrder) -> AsyncIterator[bytes]:
    """CSV in UTF-8 with a heading, in pieces; each page of bugs is read in a session of its own.

    Raises Invalid, before the first piece, for a filter that is too long.
    """
    after: tuple[Any, ...] | None = None
    while True:
        async with database.read() as session:
            page = await list_bugs(session, project_id=project_id, kept=kept, order=order, limit=PAGE, after=after)
        heading = [COLUMNS] if after is None else []
        yield lines([*heading, *([_cell(name, bug) for name in COLUMNS] for bug in page)])
        if len(page) < PAGE:
            break
        after = order.keys(page[-1])


def _cell(name: str, bug: Bug) -> str:
    """A value as text."""
    value = getattr(bug, _attribute(name))
    match value:
        case None:
            return ""
        case int():
            return str(value)
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case list():
            value = ", ".join(value)
    return str(value).upper() if name in _ENUMS else guarded(str(value))


def _attribute(name: str) -> str:
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
