"""Bugs as CSV, page by page, for spreadsheets: what a cell says is never run as a formula."""

import csv
import datetime as dt
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from models import Bug, Database
from resolvers.bugs.filters import BugFilter
from resolvers.bugs.listing import BugOrder, list_bugs

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

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
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
        yield _lines([*heading, *([_cell(name, bug) for name in COLUMNS] for bug in page)])
        if len(page) < PAGE:
            break
        after = order.keys(page[-1])


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(name: str, bug: Bug) -> str:
    """A value as text. What a spreadsheet would run as a formula starts with an apostrophe instead."""
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
    text = str(value).upper() if name in _ENUMS else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _attribute(name: str) -> str:
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
