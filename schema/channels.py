"""Channels: where notifications go."""

from enum import Enum
from typing import Self

import strawberry

from models import Channel as ChannelRow
from schema.ids import Node, encode_id
from schema.severities import Severity


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

    @classmethod
    def of(cls, row: ChannelRow) -> Self:
        return cls(
            id=encode_id("Channel", row.project_id, row.id),
            name=row.name,
            kind=ChannelKind(row.kind),
            minimum_severity=Severity(row.minimum_severity),
            enabled=row.enabled,
            masked_url=row.masked_url,
        )
