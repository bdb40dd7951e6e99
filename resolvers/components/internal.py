"""Vigie's own components, which every project has: the same things, looked at once and recorded for all."""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from models import Component, WriteSession
from resolvers.components.observing import first_spell
from resolvers.components.states import UNKNOWN
from resolvers.locks import lock_project


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look found: healthy, degraded, down or unknown, and why."""

    status: str
    message: str | None = None
    latency_ms: float | None = None


Looks = Mapping[str, Callable[[], Awaitable[Mapping[int, Finding] | Finding]]]
"""How to look at each kind: one finding for all projects, or one for each that is not healthy. A look that raises means
that it is down."""

CRITICAL: Final = {"database": True, "redis": False, "openai": False, "disk": True, "jobs": True, "ingest": True}
EXTERNAL: Final = frozenset({"openai"})


async def add_internal_components(session: WriteSession, *, project_id: int) -> None:
    """Adds those that a project lacks, unknown so far and due at once."""
    await lock_project(session, project_id=project_id)
    now = dt.datetime.now(dt.UTC)
    there = await session.rows(
        select(Component.id, Component.kind, Component.name).where(Component.project_id == project_id)
    )
    kinds, names = {row.kind for row in there}, {row.name for row in there}
    number = max((row.id for row in there), default=0)
    for kind, critical in CRITICAL.items():
        if kind in kinds:
            continue
        number += 1
        row = Component(
            project_id=project_id,
            id=number,
            name=kind if kind not in names else f"{kind} of Vigie",
            kind=kind,
            critical=critical,
            enabled=True,
            parent_id=None,
            every_seconds=60.0,
            failures_before_down=1,
            successes_before_healthy=1,
            status=UNKNOWN,
            since=now,
            streak=0,
            message=None,
            latency_ms=None,
            checked_at=None,
            due_at=now,
            created_at=now,
        )
        session.add(row)
        session.add(first_spell(row))
