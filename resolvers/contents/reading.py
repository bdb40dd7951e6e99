"""The content of usage events, for all of a page at once."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select, tuple_

from models import ReadSession, UsageContent

Key = tuple[int, dt.datetime, str]
"""Project, time and id of a usage event."""


@dataclass(frozen=True, slots=True)
class Content:
    """Text or JSON of each side, None where nothing was kept. What is truncated is text: the beginning of the whole."""

    input: Any
    output: Any
    input_truncated: bool
    output_truncated: bool


async def contents_by_key(session: ReadSession, keys: Collection[Key]) -> dict[Key, Content]:
    """What is kept of these events."""
    rows = await session.scalars(
        select(UsageContent).where(tuple_(UsageContent.project_id, UsageContent.time, UsageContent.id).in_(list(keys)))
    )
    return {
        (row.project_id, row.time, row.id): Content(
            None if row.input is None else orjson.loads(row.input),
            None if row.output is None else orjson.loads(row.output),
            row.input_truncated,
            row.output_truncated,
        )
        for row in rows
    }
