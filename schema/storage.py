"""How much is stored, and how long the past is kept."""

import datetime as dt
from enum import Enum
from typing import Annotated, Self

import strawberry

from resolvers.contents.settings import get_settings, save_settings
from resolvers.metrics.snapshots import take_snapshot
from resolvers.retentions.settings import Floors, Kept, get_floors, get_retention, save_retention
from resolvers.storage.room import database_bytes
from resolvers.storage.tables import Stored, bytes_a_day, stored_tables
from schema.context import Info
from schema.guards import ADMINISTERS, READS
from schema.payloads import REFUSALS, Payload
from schema.scalars import BigInt


@strawberry.enum(description="What is stored.")
class StoredKind(Enum):
    USAGE_EVENTS = strawberry.enum_value("usage_events", description="Single model calls.")
    API_CALLS = strawberry.enum_value("api_calls", description="Single served API calls.")
    ACTIVITIES = strawberry.enum_value("activities", description="The other facts of the feed.")
    CONTENTS = strawberry.enum_value("contents", description="What went to models and what came back.")
    ROLL_UPS = strawberry.enum_value("roll_ups", description="Sums by minute, quarter-hour and day.")


@strawberry.type(description="What a project has stored of one kind.")
class StoredTable:
    kind: StoredKind = strawberry.field(description="What it is.")
    rows: BigInt = strawberry.field(description="Rows of this project.")
    oldest: dt.datetime | None = strawberry.field(description="The time of the oldest; null without any.")
    rows_per_day: float = strawberry.field(description="Rows of this project a day, over the last 7 days at most.")
    bytes: BigInt | None = strawberry.field(
        description="Bytes on disk of all projects, indexes included; null on SQLite, which tells only of the whole."
    )

    @classmethod
    def of(cls, stored: Stored) -> Self:
        return cls(
            kind=StoredKind(stored.kind),
            rows=stored.rows,
            oldest=stored.oldest,
            rows_per_day=stored.rows_a_day,
            bytes=stored.bytes,
        )


@strawberry.type(description="How long the past is kept: days, null for ever.")
class Retention:
    fact_days: int | None = strawberry.field(description="Of single calls and activities.")
    content_days: int = strawberry.field(description="Of what went to models and came back.")
    roll_up_days: int | None = strawberry.field(
        description="Of roll-ups by quarter-hour and day, from which older figures are answered. Minutes: 14 days."
    )
    history_days: int | None = strawberry.field(description="Of closed alerts, ended deliveries and the audit log.")
    facts_from: dt.datetime = strawberry.field(description="From when on single calls are kept now, and taken in.")
    roll_ups_from: dt.datetime = strawberry.field(description="From when on figures can be answered now.")

    @classmethod
    def of(cls, kept: Kept, content_days: int, floors: Floors) -> Self:
        return cls(
            fact_days=kept.fact_days,
            content_days=content_days,
            roll_up_days=kept.rollup_days,
            history_days=kept.history_days,
            facts_from=floors.facts,
            roll_ups_from=floors.rollups,
        )


@strawberry.type(description="How much is stored, and how long there will be room.")
class Storage:
    tables: list[StoredTable] = strawberry.field(description="What this project has, exactly one for each kind.")
    database_bytes: BigInt = strawberry.field(description="What the database takes, all projects together.")
    growth_bytes_per_day: BigInt = strawberry.field(
        description="An estimate: what came in the last 7 days, less what retention takes away, all projects together."
    )
    free_bytes: BigInt | None = strawberry.field(
        description="What the database's disk has free; null where Vigie cannot see it: PostgreSQL on another machine."
    )
    reserve_bytes: BigInt = strawberry.field(description="What is kept free: below it events are refused (507).")
    days_until_full: float | None = strawberry.field(
        description="Days until only the reserve is left, as it grows now; null when it does not, or nobody can see."
    )
    refuses_events: bool = strawberry.field(description="Whether events are refused now for want of room.")


@strawberry.input(description="What to keep from now on. What is left out stays; null is for ever.")
class SaveRetentionInput:
    fact_days: int | None = strawberry.field(
        default=strawberry.UNSET, description="Of single calls and activities: 1 to 3,660. What is older goes for good."
    )
    content_days: int | None = strawberry.field(
        default=strawberry.UNSET, description="Of what went to models and came back: 1 to 3,660, not null."
    )
    roll_up_days: int | None = strawberry.field(
        default=strawberry.UNSET, description="Of roll-ups: 1 to 3,660, at least `factDays`."
    )
    history_days: int | None = strawberry.field(
        default=strawberry.UNSET, description="Of closed alerts, ended deliveries and the audit log: 1 to 3,660."
    )


@strawberry.type(description="What is kept now.")
class SaveRetentionPayload(Payload):
    retention: Retention | None = strawberry.field(default=None, description="How long the past is kept.")


@strawberry.type
class StorageQuery:
    @strawberry.field(description="How much is stored, and how long there will be room.", extensions=[READS])
    async def storage(self, info: Info) -> Storage:
        now = dt.datetime.now(dt.UTC)
        reserve = info.context.services.reserve
        async with info.context.reading() as session:
            snapshot = await take_snapshot(session, project_id=info.context.principal.project_id, now=now)
            tables = await stored_tables(session, snapshot)
            size = await database_bytes(session)
            growth = await bytes_a_day(session, now=now, database_bytes=size)
        room = reserve.room if reserve else None
        kept_free = reserve.bytes if reserve else 0
        return Storage(
            tables=[StoredTable.of(table) for table in tables],
            database_bytes=size,
            growth_bytes_per_day=round(growth),
            free_bytes=room.free if room else None,
            reserve_bytes=kept_free,
            days_until_full=max(room.free - kept_free, 0) / growth if room and growth else None,
            refuses_events=bool(reserve and reserve.refusal),
        )

    @strawberry.field(description="How long the past of the project is kept.", extensions=[READS])
    async def retention(self, info: Info) -> Retention:
        project_id = info.context.principal.project_id
        async with info.context.reading() as session:
            kept = await get_retention(session, project_id=project_id)
            contents = await get_settings(session, project_id=project_id)
            return Retention.of(kept, contents.days_kept, await get_floors(session, project_id=project_id))


@strawberry.type
class StorageMutation:
    @strawberry.mutation(
        description="Decides how long the past is kept. What is older goes within the hour, and does not come back.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def save_retention(
        self,
        info: Info,
        input: Annotated[SaveRetentionInput, strawberry.argument(description="What to keep.")],  # noqa: A002
    ) -> SaveRetentionPayload:
        principal = info.context.principal
        project_id = principal.project_id
        async with info.context.writing() as session:
            before = await get_retention(session, project_id=project_id)
            kept = Kept(
                fact_days=_chosen(input.fact_days, before.fact_days),
                rollup_days=_chosen(input.roll_up_days, before.rollup_days),
                history_days=_chosen(input.history_days, before.history_days),
            )
            kept = await save_retention(session, project_id=project_id, kept=kept, actor=principal.name)
            contents = await get_settings(session, project_id=project_id)
            if input.content_days not in (None, strawberry.UNSET):
                contents = await save_settings(
                    session, project_id=project_id, days_kept=input.content_days, actor=principal.name
                )
            floors = await get_floors(session, project_id=project_id)
        return SaveRetentionPayload(retention=Retention.of(kept, contents.days_kept, floors))


def _chosen(asked: int | None, before: int | None) -> int | None:
    return before if asked is strawberry.UNSET else asked
