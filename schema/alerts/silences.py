"""Silences and maintenance windows: their types and lists, and the mutations that make and end them."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Self, TypeVar

import strawberry

from models import Silence as SilenceRow
from resolvers.alerts import silences
from resolvers.alerts.silences import MAINTENANCE, SILENCE, Quiet
from schema.alerts.inputs import number_of
from schema.context import Info
from schema.guards import EDITS, READS
from schema.ids import Node, encode_id
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.selections import selected

MATCHER = (
    'Which alerts: Alertmanager\'s matchers, `{severity="high",rule=~"cost.*"}`, over rule, severity, metric and '
    "component, with =, !=, =~ and !~."
)


@strawberry.type(description="Keeps alerts quiet: nobody is told that they fire, but that they end when somebody was.")
class Silence(Node):
    matcher: str = strawberry.field(description=MATCHER)
    starts_at: dt.datetime = strawberry.field(description="From when on it holds.")
    ends_at: dt.datetime = strawberry.field(description="When it ends; its author is told.")
    author: str = strawberry.field(description="The name of the key that made it.")
    reason: str = strawberry.field(description="Why.")
    created_at: dt.datetime = strawberry.field(description="When it was made.")

    @classmethod
    def of(cls, row: SilenceRow) -> Self:
        return cls(
            id=encode_id("Silence", row.project_id, row.id),
            matcher=row.matcher,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            author=row.author,
            reason=row.reason,
            created_at=row.created_at,
        )


@strawberry.type(description="Planned work: a silence that is known ahead, and may come again.")
class MaintenanceWindow(Node):
    matcher: str = strawberry.field(description=MATCHER)
    starts_at: dt.datetime = strawberry.field(description="When it begins for the first time.")
    ends_at: dt.datetime = strawberry.field(description="When it ends for the first time.")
    repeat_every: dt.timedelta | None = strawberry.field(description="How often it comes again; null: never.")
    author: str = strawberry.field(description="The name of the key that made it.")
    reason: str = strawberry.field(description="Why.")
    active: bool = strawberry.field(description="Whether it holds now.")

    @classmethod
    def of(cls, row: SilenceRow) -> Self:
        return cls(
            id=encode_id("MaintenanceWindow", row.project_id, row.id),
            matcher=row.matcher,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            repeat_every=None if row.repeat_seconds is None else dt.timedelta(seconds=row.repeat_seconds),
            author=row.author,
            reason=row.reason,
            active=silences.is_quiet(row, dt.datetime.now(dt.UTC)) is not None,
        )


@strawberry.input(description="A silence.")
class SilenceAlertsInput:
    matcher: str = strawberry.field(description=MATCHER)
    starts_at: dt.datetime | None = strawberry.field(default=None, description="From when on; null: now.")
    ends_at: dt.datetime = strawberry.field(description="Until when, in the future.")
    reason: str = strawberry.field(description="Why: 1 to 2,000 characters.")


@strawberry.input(description="The silence to end.")
class ExpireSilenceInput:
    id: strawberry.ID = strawberry.field(description="The silence's `id`.")


@strawberry.input(description="Planned work.")
class ScheduleMaintenanceInput:
    matcher: str = strawberry.field(description=MATCHER)
    starts_at: dt.datetime | None = strawberry.field(default=None, description="When it begins; null: now.")
    ends_at: dt.datetime = strawberry.field(description="When it ends, in the future.")
    repeat_every: dt.timedelta | None = strawberry.field(
        default=None, description="How often it comes again, such as P7D; at least its own length. Null: never."
    )
    reason: str = strawberry.field(description="Why: 1 to 2,000 characters.")


@strawberry.input(description="The maintenance to end.")
class CancelMaintenanceInput:
    id: strawberry.ID = strawberry.field(description="The window's `id`.")


@strawberry.type(description="The new silence.")
class SilenceAlertsPayload(Payload):
    silence: Silence | None = strawberry.field(default=None, description="The silence; null when refused.")


@strawberry.type(description="The silence as it is now.")
class ExpireSilencePayload(Payload):
    silence: Silence | None = strawberry.field(default=None, description="The silence; null when refused.")


@strawberry.type(description="The new window.")
class ScheduleMaintenancePayload(Payload):
    maintenance_window: MaintenanceWindow | None = strawberry.field(
        default=None, description="The window; null when refused."
    )


@strawberry.type(description="The window as it is now.")
class CancelMaintenancePayload(Payload):
    maintenance_window: MaintenanceWindow | None = strawberry.field(
        default=None, description="The window; null when refused."
    )


T = TypeVar("T", Silence, MaintenanceWindow)


@strawberry.type
class SilenceQuery:
    @strawberry.field(
        name="silences", description="Silences, also those that are over: the newest first.", extensions=[READS]
    )
    async def list_silences(self, info: Info, first: First, after: After = None) -> Connection[Silence]:
        return await _page(info, first, after, SILENCE, "silences", Silence.of)

    @strawberry.field(
        description="Maintenance windows, also those that are over: the newest first.", extensions=[READS]
    )
    async def maintenance_windows(self, info: Info, first: First, after: After = None) -> Connection[MaintenanceWindow]:
        return await _page(info, first, after, MAINTENANCE, "maintenanceWindows", MaintenanceWindow.of)


@strawberry.type
class SilenceMutation:
    @strawberry.mutation(
        description="Keeps alerts quiet for a while. What was told as firing is still told as resolved.",
        extensions=[EDITS, REFUSALS],
    )
    async def silence_alerts(
        self,
        info: Info,
        input: Annotated[SilenceAlertsInput, strawberry.argument(description="The silence.")],  # noqa: A002
    ) -> SilenceAlertsPayload:
        quiet = Quiet(
            kind=SILENCE,
            matcher=input.matcher,
            starts_at=input.starts_at,
            ends_at=input.ends_at,
            reason=input.reason,
        )
        return SilenceAlertsPayload(silence=Silence.of(await _add(info, quiet)))

    @strawberry.mutation(
        description="Ends a silence now. One that is over stays as it is.", extensions=[EDITS, REFUSALS]
    )
    async def expire_silence(
        self,
        info: Info,
        input: Annotated[ExpireSilenceInput, strawberry.argument(description="The silence.")],  # noqa: A002
    ) -> ExpireSilencePayload:
        return ExpireSilencePayload(silence=Silence.of(await _end(info, SILENCE, "Silence", input.id)))

    @strawberry.mutation(description="Plans a time in which alerts are quiet.", extensions=[EDITS, REFUSALS])
    async def schedule_maintenance(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            ScheduleMaintenanceInput, strawberry.argument(description="The planned work.")
        ],
    ) -> ScheduleMaintenancePayload:
        quiet = Quiet(
            kind=MAINTENANCE,
            matcher=input.matcher,
            starts_at=input.starts_at,
            ends_at=input.ends_at,
            reason=input.reason,
            repeat_every=input.repeat_every,
        )
        return ScheduleMaintenancePayload(maintenance_window=MaintenanceWindow.of(await _add(info, quiet)))

    @strawberry.mutation(
        description="Ends planned work now, and its repetitions. What is over stays as it is.",
        extensions=[EDITS, REFUSALS],
    )
    async def cancel_maintenance(
        self,
        info: Info,
        input: Annotated[CancelMaintenanceInput, strawberry.argument(description="The planned work.")],  # noqa: A002
    ) -> CancelMaintenancePayload:
        row = await _end(info, MAINTENANCE, "MaintenanceWindow", input.id)
        return CancelMaintenancePayload(maintenance_window=MaintenanceWindow.of(row))


async def _page(
    info: Info, first: int, after: str | None, kind: str, place: str, node: Callable[[SilenceRow], T]
) -> Connection[T]:
    project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
    before = decode_cursor(place, after, tuple[int])[0] if after is not None else None
    async with info.context.reading() as session:
        rows = await silences.list_silences(session, project_id=project_id, kind=kind, limit=limit, before=before)
        if any(field.name == "totalCount" for field in selected(info)):
            total = await silences.count_silences(session, project_id=project_id, kind=kind)
    return Connection.of(
        rows,
        first=first,
        after=after,
        node=node,
        cursor=lambda row: encode_cursor(place, (row.id,)),
        total_count=total,
    )


async def _add(info: Info, quiet: Quiet) -> SilenceRow:
    principal = info.context.principal
    async with info.context.writing() as session:
        return await silences.add_silence(
            session,
            project_id=principal.project_id,
            author=principal.name,
            quiet=quiet,
            now=dt.datetime.now(dt.UTC),
        )


async def _end(info: Info, kind: str, type_name: str, global_id: str) -> SilenceRow:
    principal = info.context.principal
    number = number_of(global_id, type_name, principal.project_id, "silence" if kind == SILENCE else "window")
    async with info.context.writing() as session:
        return await silences.end_silence(
            session,
            project_id=principal.project_id,
            kind=kind,
            number=number,
            actor=principal.name,
            now=dt.datetime.now(dt.UTC),
        )
