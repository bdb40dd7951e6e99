"""Rows besides the facts that name a subject: what was advised, told, tried and done."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Text, and_, cast, inspect, or_, select, update

from models import (
    Activity,
    Alert,
    AlertRule,
    AlertSuppression,
    AlertTransition,
    AuditEntry,
    Budget,
    Database,
    Delivery,
    DeliveryAttempt,
    Deployment,
    IngestReject,
    Recommendation,
    Repricing,
    Silence,
)
from models.base import Json
from resolvers.erasures.words import Replacing

TABLES: Final[Sequence[Any]] = (
    Activity,
    Recommendation,
    AuditEntry,
    IngestReject,
    AlertRule,
    Alert,
    AlertTransition,
    AlertSuppression,
    Silence,
    Delivery,
    DeliveryAttempt,
    Budget,
    Deployment,
    Repricing,
)
ROWS_A_STEP: Final = 500
DIGESTS: Final[Mapping[Any, str]] = {Recommendation: "target_key"}
"""Columns that are made from the name: they would lead back to it."""


async def scrub(database: Database, *, project_id: int, replacing: Replacing) -> None:
    """Replaces the name where it stands in their texts, at most 500 rows a transaction."""
    for table in TABLES:
        async with database.read() as session:
            rows = await session.rows(_holding(table, project_id, replacing.name))
        changes = list(_changes(table, rows, replacing))
        for start in range(0, len(changes), ROWS_A_STEP):
            async with database.write() as session:
                for key, values in changes[start : start + ROWS_A_STEP]:
                    of_row = [getattr(table, name) == value for name, value in key.items()]
                    await session.run(update(table).where(*of_row).values(**values))


def _texts(table: Any) -> list[str]:
    """The columns that hold text or JSON, without those of the key."""
    columns = inspect(table).columns
    return [column.key for column in columns if not column.primary_key and isinstance(column.type, Text | Json)]


def _holding(table: Any, project_id: int, name: str) -> Any:
    """The rows that may hold a name: their keys, then their texts."""
    escaped = orjson.dumps(name).decode()[1:-1]
    held = []
    for column in _texts(table):
        text = cast(getattr(table, column), Text)
        held += [text.contains(spelling, autoescape=True) for spelling in dict.fromkeys((name, escaped))]
    names = [column.key for column in inspect(table).primary_key] + _texts(table)
    return select(*(getattr(table, each) for each in names)).where(and_(table.project_id == project_id, or_(*held)))


def _changes(table: Any, rows: Sequence[Any], replacing: Replacing) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    keys = [column.key for column in inspect(table).primary_key]
    for row in rows:
        found = row._asdict()
        texts = {name: found[name] for name in _texts(table)}
        changed = {name: new for name, old in texts.items() if (new := replacing.json(old)) != old}
        if changed and table in DIGESTS:
            changed[DIGESTS[table]] = re.sub(r"\W", "", f"{replacing.pseudonym}{found['id']}")
        if changed:
            yield {name: found[name] for name in keys}, changed
