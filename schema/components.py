"""Components as clients see them: how each is, and how it was."""

import datetime as dt
from enum import Enum
from typing import Annotated, Self

import strawberry

from models import Component as ComponentRow
from models import ComponentSpell
from models.base import from_microseconds, to_microseconds
from resolvers.components import uptime as figures
from resolvers.components.listing import Spell, components_by_number, uptime_by_spell
from resolvers.metrics.periods import MAX_POINTS
from schema.context import Info
from schema.guards import READS
from schema.ids import Node, encode_id
from schema.paging import After, Connection, First, Microseconds, decode_cursor, encode_cursor, page_size
from schema.periods import Interval, PeriodArgument
from schema.selections import selected

OUTAGES = "outages"


@strawberry.enum(description="How something is.")
class HealthStatus(Enum):
    HEALTHY = strawberry.enum_value("healthy", description="It does what it should.")
    DEGRADED = strawberry.enum_value("degraded", description="It works, but not well.")
    DOWN = strawberry.enum_value("down", description="It does not work.")
    UNKNOWN = strawberry.enum_value("unknown", description="Nobody has looked, or nobody can.")


@strawberry.enum(description="What is watched.")
class ComponentKind(Enum):
    DATABASE = strawberry.enum_value("database", description="Vigie's database.")
    REDIS = strawberry.enum_value("redis", description="Vigie's Redis.")
    OPENAI = strawberry.enum_value("openai", description="OpenAI, with Vigie's key.")
    DISK = strawberry.enum_value("disk", description="The disk of Vigie's data folder.")
    JOBS = strawberry.enum_value("jobs", description="Vigie's background jobs.")
    INGEST = strawberry.enum_value("ingest", description="How soon what this project sends is in its roll-ups.")
    HTTP = strawberry.enum_value("http", description="An address, by an HTTP check.")
    HEARTBEAT = strawberry.enum_value("heartbeat", description="A job or worker that sends signs of life.")


@strawberry.type(description="A stretch of time in which a component was down.")
class Outage:
    started_at: dt.datetime = strawberry.field(description="When it went down.")
    ended_at: dt.datetime | None = strawberry.field(description="When it was no longer known to be; null: it still is.")
    message: str | None = strawberry.field(description="What was found when it went down.")

    @classmethod
    def of(cls, row: ComponentSpell) -> Self:
        return cls(started_at=row.began_at, ended_at=row.ended_at, message=row.message)


@strawberry.type(description="How a component was in a stretch of time.")
class ComponentPoint:
    start: dt.datetime = strawberry.field(description="When it starts.")
    mean_ms: float | None = strawberry.field(description="The mean latency; null where none was measured.")
    p95_ms: float | None = strawberry.field(description="The 95th percentile of latencies, by nearest rank.")
    uptime: float | None = strawberry.field(
        description="The share (0..1) of the time with a known status in which it was healthy or degraded."
    )

    @classmethod
    def of(cls, point: figures.Point) -> Self:
        return cls(start=point.start, mean_ms=point.mean_ms, p95_ms=point.p95_ms, uptime=point.uptime)


@strawberry.type(description="A thing whose health is watched.")
class Component(Node):
    project_id: strawberry.Private[int]
    number: strawberry.Private[int]
    parent_id: strawberry.Private[int | None]
    name: str = strawberry.field(description="Its name, unique in the project.")
    kind: ComponentKind = strawberry.field(description="What it is.")
    status: HealthStatus = strawberry.field(description="How it is.")
    critical: bool = strawberry.field(description="Whether the status of the whole depends on it.")
    latency_ms: float | None = strawberry.field(description="How long its last answer took.")
    message: str | None = strawberry.field(description="What the last look found, where there is something to say.")
    checked_at: dt.datetime | None = strawberry.field(description="When it was looked at last.")
    since: dt.datetime = strawberry.field(description="Since when it has its status.")

    @strawberry.field(description="The component that it depends on.", extensions=[READS])
    async def depends_on(self, info: Info) -> "Component | None":
        if self.parent_id is None:
            return None
        row = await info.context.loader(components_by_number).load((self.project_id, self.parent_id))
        return Component.of(row) if row else None

    @strawberry.field(
        description="The share (0..1) of the period's time with a known status in which it was healthy or degraded; "
        "null when nothing is known.",
        extensions=[READS],
    )
    async def uptime(self, info: Info, period: PeriodArgument) -> float | None:
        period.resolve()
        spell = Spell(self.project_id, self.number, period.from_, period.to, period.last)
        return await info.context.loader(uptime_by_spell).load(spell)

    @strawberry.field(description="The outages that touch a period, the newest first.", extensions=[READS])
    async def outages(
        self, info: Info, period: PeriodArgument, first: First, after: After = None
    ) -> Connection[Outage]:
        resolved, limit, total = period.resolve(), page_size(first) + 1, None
        before = None if after is None else from_microseconds(decode_cursor(OUTAGES, after, tuple[Microseconds])[0])
        async with info.context.reading() as session:
            rows = await figures.list_outages(
                session, project_id=self.project_id, number=self.number, period=resolved, limit=limit, before=before
            )
            if any(field.name == "totalCount" for field in selected(info)):
                total = await figures.count_outages(
                    session, project_id=self.project_id, number=self.number, period=resolved
                )
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Outage.of,
            cursor=lambda row: encode_cursor(OUTAGES, (to_microseconds(row.began_at),)),
            total_count=total,
        )

    @strawberry.field(
        description=f"Latency and uptime over a period: every bucket of it, at most {MAX_POINTS:,}.",
        extensions=[READS],
    )
    async def series(
        self,
        info: Info,
        period: PeriodArgument,
        interval: Annotated[Interval, strawberry.argument(description="The length of its buckets.")],
    ) -> list[ComponentPoint]:
        async with info.context.reading() as session:
            points = await figures.component_series(
                session,
                project_id=self.project_id,
                number=self.number,
                period=period.resolve(),
                interval=str(interval.value),
                now=dt.datetime.now(dt.UTC),
            )
        return [ComponentPoint.of(point) for point in points]

    @classmethod
    def of(cls, row: ComponentRow) -> Self:
        return cls(
            id=encode_id("Component", row.project_id, row.id),
            project_id=row.project_id,
            number=row.id,
            parent_id=row.parent_id,
            name=row.name,
            kind=ComponentKind(row.kind),
            status=HealthStatus(row.status),
            critical=row.critical,
            latency_ms=row.latency_ms,
            message=row.message,
            checked_at=row.checked_at,
            since=row.since,
        )
