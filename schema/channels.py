"""Channels: where notifications go, and the mutations that save and delete them."""

import datetime as dt
from enum import Enum
from typing import Annotated, Any, Self

import strawberry
from strawberry import UNSET

from models import Channel as ChannelRow
from resolvers import channels
from schema.context import Info
from schema.guards import ADMINISTERS, READS
from schema.ids import Node, encode_id, own_number
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.selections import selected
from schema.severities import Severity

PLACE = "channels"
NO_SUCH = "There is no such channel in this project."


@strawberry.enum(description="What a channel speaks.")
class ChannelKind(Enum):
    EMAIL = strawberry.enum_value("email", description="Mail.")
    SLACK = strawberry.enum_value("slack", description="Slack, coloured by severity.")
    SMS = strawberry.enum_value("sms", description="Text messages: of critical alerts only.")
    WEBHOOK = strawberry.enum_value("webhook", description="JSON by HTTP, signed.")
    APPRISE = strawberry.enum_value("apprise", description="Any other address that Apprise knows.")


@strawberry.type(description="Where notifications go.")
class Channel(Node):
    name: str = strawberry.field(description="What it is called.")
    kind: ChannelKind = strawberry.field(description="What it speaks.")
    minimum_severity: Severity = strawberry.field(description="It is told of alerts from this severity on.")
    enabled: bool = strawberry.field(description="Whether it is told of anything.")
    masked_url: str = strawberry.field(description="Its address, without its secrets.")
    created_at: dt.datetime = strawberry.field(description="When it was added.")
    updated_at: dt.datetime = strawberry.field(description="When it was last saved.")

    @classmethod
    def of(cls, row: ChannelRow) -> Self:
        return cls(
            id=encode_id("Channel", row.project_id, row.id),
            name=row.name,
            kind=ChannelKind(row.kind),
            minimum_severity=Severity(row.minimum_severity),
            enabled=row.enabled,
            masked_url=row.masked_url,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@strawberry.input(
    description="A channel to add, or with `id` to change: what is left out then stays as it is, and null is the "
    "default."
)
class SaveChannelInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The channel to change; null adds one.")
    name: str = strawberry.field(description="What it is called: 1 to 100 characters.")
    kind: ChannelKind = strawberry.field(description="What it speaks.")
    url: str | None = strawberry.field(
        default=None,
        description="Its address, with its secrets: stored encrypted and never shown. Null keeps the one that is "
        "stored; a new channel, and another kind, need one.",
    )
    minimum_severity: Severity | None = strawberry.field(default=UNSET, description="By default LOW.")
    enabled: bool | None = strawberry.field(default=UNSET, description="By default true.")
    new_secret: bool | None = strawberry.field(
        default=UNSET, description="Whether an existing WEBHOOK gets another secret, which ends the one before."
    )

    def resolve(self) -> dict[str, Any]:
        """What is meant, but for the id, the kind and the address."""
        given = {name: value for name, value in vars(self).items() if value is not UNSET}
        least = given.get("minimum_severity")
        if least is not None:
            given["minimum_severity"] = str(least.value)
        return {name: value for name, value in given.items() if name not in ("id", "kind", "url")}


@strawberry.type(description="The channel as it is now.")
class SaveChannelPayload(Payload):
    channel: Channel | None = strawberry.field(default=None, description="The channel; null when refused.")
    secret: str | None = strawberry.field(
        default=None,
        description="Of a new WEBHOOK, or with `newSecret`: what its messages are signed with, shown only here.",
    )


@strawberry.input(description="The channel to delete.")
class DeleteChannelInput:
    id: strawberry.ID = strawberry.field(description="The channel's `id`.")


@strawberry.type(description="What was deleted.")
class DeleteChannelPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The channel's `id`; null when refused."
    )


@strawberry.type
class ChannelQuery:
    @strawberry.field(description="The project's channels, in the order in which they were added.", extensions=[READS])
    async def channels(self, info: Info, first: First, after: After = None) -> Connection[Channel]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        place = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await channels.list_channels(session, project_id=project_id, limit=limit, after=place)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await channels.count_channels(session, project_id=project_id)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Channel.of,
            cursor=lambda row: encode_cursor(PLACE, (row.id,)),
            total_count=total,
        )


@strawberry.type
class ChannelMutation:
    @strawberry.mutation(
        description="Adds or changes a channel. An address that is not public is refused, unless "
        "VIGIE_ALLOWED_NETWORKS names it.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def save_channel(
        self,
        info: Info,
        input: Annotated[SaveChannelInput, strawberry.argument(description="The channel.")],  # noqa: A002
    ) -> SaveChannelPayload:
        principal, services = info.context.principal, info.context.services
        number = None if input.id is None else own_number(input.id, "Channel", principal.project_id, NO_SUCH)
        kind, address = str(input.kind.value), None
        if input.url is not None:
            address = await channels.check_address(services.guard, kind=kind, url=input.url)
        async with info.context.writing() as session:
            row, secret = await channels.save_channel(
                session,
                project_id=principal.project_id,
                number=number,
                kind=kind,
                address=address,
                values=input.resolve(),
                vault=services.vault,
                actor=principal.name,
            )
        return SaveChannelPayload(channel=Channel.of(row), secret=secret)

    @strawberry.mutation(
        description="Deletes a channel with its address. Notifications on their way to it are given up.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def delete_channel(
        self,
        info: Info,
        input: Annotated[DeleteChannelInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> DeleteChannelPayload:
        principal = info.context.principal
        number = own_number(input.id, "Channel", principal.project_id, NO_SUCH)
        async with info.context.writing() as session:
            await channels.delete_channel(session, project_id=principal.project_id, number=number, actor=principal.name)
        return DeleteChannelPayload(deleted_id=input.id)
