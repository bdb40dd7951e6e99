"""Heartbeats: their list, and the mutations that save and delete them."""

import datetime as dt
from typing import Annotated, Any, Self

import strawberry
from strawberry import UNSET

from resolvers.heartbeats import saving
from schema.components import Component
from schema.context import Info
from schema.guards import ADMINISTERS, READS
from schema.ids import Node, encode_id, own_number
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.selections import selected

PLACE = "heartbeats"
NO_SUCH = "There is no such heartbeat in this project."


@strawberry.type(description="Signs of life that a job or worker sends by `POST /push/{token}`.")
class Heartbeat(Node):
    name: str = strawberry.field(description="The name of its component.")
    every: dt.timedelta = strawberry.field(description="How often it is to beat.")
    grace: dt.timedelta = strawberry.field(description="How much later than that a beat may come.")
    critical: bool = strawberry.field(description="Whether the status of the whole depends on it.")
    depends_on: str | None = strawberry.field(description="The name of the component that it depends on.")
    enabled: bool = strawberry.field(description="Whether it is watched.")
    beaten_at: dt.datetime | None = strawberry.field(description="When the last beat came; null: none ever.")
    component: Component = strawberry.field(description="How what beats is, and how it was.")

    @classmethod
    def of(cls, beating: saving.Beating) -> Self:
        heartbeat, component = beating.heartbeat, beating.component
        return cls(
            id=encode_id("Heartbeat", heartbeat.project_id, heartbeat.component_id),
            name=component.name,
            every=dt.timedelta(seconds=component.every_seconds),
            grace=dt.timedelta(seconds=heartbeat.grace_seconds),
            critical=component.critical,
            depends_on=beating.parent,
            enabled=component.enabled,
            beaten_at=heartbeat.beaten_at,
            component=Component.of(component),
        )


@strawberry.input(
    description="A heartbeat to add, or with `id` to change: what is left out then stays as it is, null is the default."
)
class SaveHeartbeatInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The heartbeat to change; null adds one.")
    name: str = strawberry.field(description="The name of its component: 1 to 100 characters, unique in the project.")
    every: dt.timedelta | None = strawberry.field(
        default=UNSET, description="How often it is to beat, from PT1S on. A new one needs it."
    )
    grace: dt.timedelta | None = strawberry.field(
        default=UNSET, description="How much later than that a beat may come; by default PT1M."
    )
    critical: bool | None = strawberry.field(default=UNSET, description="By default false.")
    depends_on: str | None = strawberry.field(
        default=UNSET, description="The name of a component of the project that does not depend on this one."
    )
    enabled: bool | None = strawberry.field(default=UNSET, description="By default true.")
    new_token: bool | None = strawberry.field(
        default=UNSET, description="Whether an existing one gets another token, which ends the one before."
    )

    def resolve(self) -> dict[str, Any]:
        """What is meant."""
        given = {name: value for name, value in vars(self).items() if value is not UNSET}
        given.pop("id")
        return given


@strawberry.type(description="The heartbeat as it is now.")
class SaveHeartbeatPayload(Payload):
    heartbeat: Heartbeat | None = strawberry.field(default=None, description="The heartbeat; null when refused.")
    token: str | None = strawberry.field(
        default=None,
        description="Of a new heartbeat, or with `newToken`: what `POST /push/{token}` asks for, shown only here.",
    )


@strawberry.input(description="The heartbeat to delete.")
class DeleteHeartbeatInput:
    id: strawberry.ID = strawberry.field(description="The heartbeat's `id`.")


@strawberry.type(description="What was deleted.")
class DeleteHeartbeatPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The heartbeat's `id`; null when refused."
    )


@strawberry.type
class HeartbeatQuery:
    @strawberry.field(description="The project's heartbeats, in the order of adding.", extensions=[READS])
    async def heartbeats(self, info: Info, first: First, after: After = None) -> Connection[Heartbeat]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        place = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await saving.list_heartbeats(session, project_id=project_id, limit=limit, after=place)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await saving.count_heartbeats(session, project_id=project_id)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Heartbeat.of,
            cursor=lambda row: encode_cursor(PLACE, (row.heartbeat.component_id,)),
            total_count=total,
        )


@strawberry.type
class HeartbeatMutation:
    @strawberry.mutation(
        description="Adds or changes a heartbeat. A new one is late when its interval and grace have passed without "
        "any beat.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def save_heartbeat(
        self,
        info: Info,
        input: Annotated[SaveHeartbeatInput, strawberry.argument(description="The heartbeat.")],  # noqa: A002
    ) -> SaveHeartbeatPayload:
        principal = info.context.principal
        number = None if input.id is None else own_number(input.id, "Heartbeat", principal.project_id, NO_SUCH)
        async with info.context.writing() as session:
            number, token = await saving.save_heartbeat(
                session,
                project_id=principal.project_id,
                number=number,
                values=input.resolve(),
                actor=principal.name,
            )
        async with info.context.reading() as session:
            beating = await saving.get_heartbeat(session, project_id=principal.project_id, number=number)
        return SaveHeartbeatPayload(heartbeat=Heartbeat.of(beating) if beating else None, token=token)

    @strawberry.mutation(
        description="Deletes a heartbeat, and its component with its past.", extensions=[ADMINISTERS, REFUSALS]
    )
    async def delete_heartbeat(
        self,
        info: Info,
        input: Annotated[DeleteHeartbeatInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> DeleteHeartbeatPayload:
        principal = info.context.principal
        number = own_number(input.id, "Heartbeat", principal.project_id, NO_SUCH)
        async with info.context.writing() as session:
            await saving.delete_heartbeat(session, project_id=principal.project_id, number=number, actor=principal.name)
        return DeleteHeartbeatPayload(deleted_id=input.id)
