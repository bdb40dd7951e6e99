"""Deployments: recorded once, told in the feed, read by period."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from uuid_utils import uuid7

from models import Activity, Counter, Deployment, ReadSession, WriteSession
from resolvers.errors import Invalid
from resolvers.locks import lock_project
from resolvers.metrics.periods import Period
from resolvers.texts import check_optional_text, check_text

KIND: Final = "deployment"
NODE_TYPE: Final = "Deployment"
NAME, DESCRIPTION, LINK, KEY = 100, 2000, 2048, 200
"""The most characters of a version or environment, a description, a link, an idempotency key."""
EARLIEST: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
FUTURE: Final = dt.timedelta(minutes=5)
MOST_MARKERS: Final = 200

Place = tuple[dt.datetime, int]
"""Where a deployment stands in the list: its time and number."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What somebody tells of a deployment, unchecked. `time` None: now."""

    version: str
    environment: str | None = None
    time: dt.datetime | None = None
    link: str | None = None
    description: str | None = None
    idempotency_key: str | None = None


async def record_deployment(session: WriteSession, *, project_id: int, marker: Marker, actor: str) -> Deployment:
    """Records a deployment and tells of it; answers the one that has the idempotency key, if any. Raises Invalid."""
    now = dt.datetime.now(dt.UTC)
    key = check_optional_text(marker.idempotency_key, field="idempotencyKey", most=KEY)
    version = check_text(marker.version, field="version", most=NAME)
    environment = check_optional_text(marker.environment, field="environment", most=NAME)
    description = check_optional_text(marker.description, field="description", most=DESCRIPTION)
    link = _check_link(marker.link)
    time = now if marker.time is None else marker.time
    if time > now + FUTURE:
        raise Invalid("`time` is at most 5 minutes ahead of now: tell of a deployment when it happens.", field="time")
    await lock_project(session, project_id=project_id)
    if key is not None:
        known = await session.scalar(
            select(Deployment).where(Deployment.project_id == project_id, Deployment.idempotency_key == key)
        )
        if known is not None:
            return known
    floor = max(
        await session.scalar(select(Counter.floor).where(Counter.project_id == project_id)) or EARLIEST, EARLIEST
    )
    if time < floor:
        raise Invalid(
            f"`time` lies before {floor:%Y-%m-%dT%H:%M:%SZ}, from where on this project keeps facts.", field="time"
        )
    last = await session.scalar(select(func.max(Deployment.id)).where(Deployment.project_id == project_id)) or 0
    row = Deployment(
        project_id=project_id,
        id=last + 1,
        version=version,
        environment=environment,
        time=time,
        link=link,
        description=description,
        idempotency_key=key,
        recorded_by=actor,
        recorded_at=now,
    )
    session.add(row)
    _tell(session, row)
    return row


async def get_deployment(session: ReadSession, *, project_id: int, number: int) -> Deployment | None:
    """The deployment with a number."""
    return await session.scalar(select(Deployment).where(Deployment.project_id == project_id, Deployment.id == number))


async def list_deployments(
    session: ReadSession,
    *,
    project_id: int,
    period: Period,
    environments: Collection[str] = (),
    limit: int,
    after: Place | None = None,
) -> Sequence[Deployment]:
    """At most `limit` deployments of a period behind `after`, the newest first.

    With `environments`, those to one of them, and those of which nobody said where to.
    """
    rows = select(Deployment).where(*_within(project_id, period))
    if environments:
        named = [name for name in environments if "\0" not in name]
        rows = rows.where(or_(Deployment.environment.in_(named), Deployment.environment.is_(None)))
    if after is not None:
        time, number = after
        rows = rows.where(or_(Deployment.time < time, (Deployment.time == time) & (Deployment.id < number)))
    return await session.scalars(rows.order_by(Deployment.time.desc(), Deployment.id.desc()).limit(limit))


async def count_deployments(session: ReadSession, *, project_id: int, period: Period) -> int:
    """How many a period has."""
    return await session.scalar(select(func.count()).where(*_within(project_id, period))) or 0


async def deployments_by_number(
    session: ReadSession, keys: Collection[tuple[int, int]]
) -> dict[tuple[int, int], Deployment]:
    """The deployments with these project ids and numbers."""
    rows = await session.scalars(select(Deployment).where(tuple_(Deployment.project_id, Deployment.id).in_(list(keys))))
    return {(row.project_id, row.id): row for row in rows}


def _within(project_id: int, period: Period) -> list[ColumnElement[bool]]:
    return [Deployment.project_id == project_id, Deployment.time >= period.start, Deployment.time < period.end]


def _check_link(link: str | None) -> str | None:
    checked = check_optional_text(link, field="link", most=LINK)
    if checked is None:
        return None
    try:
        address = urlsplit(checked)
        good = address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        good = False
    if not good or not checked.isprintable() or " " in checked:
        raise Invalid("`link` is an http or https address.", field="link")
    return checked


def _tell(session: WriteSession, row: Deployment) -> None:
    where = f" to {row.environment}" if row.environment else ""
    session.announce(
        Activity(
            project_id=row.project_id,
            time=row.time,
            id=str(uuid7()),
            kind=KIND,
            name=f"{KIND}.recorded",
            title=f"Deployed {row.version}{where}",
            subject=None,
            severity=None,
            node_type=NODE_TYPE,
            node_key=str(row.id),
            payload={
                "actor": row.recorded_by,
                "version": row.version,
                "environment": row.environment,
                "link": row.link,
            },
        )
    )
