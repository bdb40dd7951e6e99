"""Deliveries: notifications on their way to a channel."""

import datetime as dt
from enum import Enum
from typing import Self

import strawberry

from models import Delivery as DeliveryRow
from resolvers.alerts.listing import channels_by_number
from schema.channels import Channel
from schema.context import Info
from schema.ids import Node, encode_id


@strawberry.enum(description="Where a delivery stands.")
class DeliveryStatus(Enum):
    PENDING = strawberry.enum_value("pending", description="It waits to be sent, or to be tried again.")
    DELIVERED = strawberry.enum_value("delivered", description="The channel took it.")
    FAILED = strawberry.enum_value("failed", description="It was given up.")


@strawberry.enum(description="What a delivery tells.")
class DeliveryKind(Enum):
    FIRING = strawberry.enum_value("firing", description="Alerts fire.")
    RESOLVED = strawberry.enum_value("resolved", description="Alerts are over.")
    SILENCE_EXPIRED = strawberry.enum_value("silence_expired", description="A silence is over.")
    TEST = strawberry.enum_value("test", description="Somebody tries the channel.")


@strawberry.type(description="A notification on its way to a channel.")
class Delivery(Node):
    row: strawberry.Private[DeliveryRow]
    kind: DeliveryKind = strawberry.field(description="What it tells.")
    status: DeliveryStatus = strawberry.field(description="Where it stands.")
    attempts: int = strawberry.field(description="How often it was tried.")
    duration_ms: float | None = strawberry.field(description="How long the last try took.")
    error: str | None = strawberry.field(description="Why the last try failed; null when it went well.")
    time: dt.datetime = strawberry.field(description="When it was written.")

    @strawberry.field(description="Where it goes.")
    async def channel(self, info: Info) -> Channel:
        row = await info.context.loader(channels_by_number).load((self.row.project_id, self.row.channel_id))
        if row is None:
            raise LookupError(f"delivery {self.row.id} goes to channel {self.row.channel_id}, which is not there")
        return Channel.of(row)

    @classmethod
    def of(cls, row: DeliveryRow) -> Self:
        return cls(
            id=encode_id("Delivery", row.project_id, row.id),
            row=row,
            kind=DeliveryKind(row.kind),
            status=DeliveryStatus(row.status),
            attempts=row.attempts,
            duration_ms=row.duration_ms,
            error=row.error,
            time=row.created_at,
        )
