"""Deliveries: notifications on their way to a channel, their list, and the one that tries a channel."""

import datetime as dt
from enum import Enum
from typing import Annotated, Self

import strawberry

from models import Delivery as DeliveryRow
from models import DeliveryAttempt as DeliveryAttemptRow
from resolvers.alerts.listing import channels_by_number
from resolvers.deliveries import listing
from resolvers.deliveries.sending import attempt
from resolvers.deliveries.testing import write_test
from resolvers.errors import Invalid
from schema.channels import NO_SUCH, Channel
from schema.context import Info
from schema.guards import ADMINISTERS, READS
from schema.ids import Node, encode_id, own_number
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.selections import selected
from schema.severities import Severity

PLACE = "deliveries"
MOST_STATUSES = 10


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


@strawberry.type(description="One try to send a delivery.")
class DeliveryAttempt:
    time: dt.datetime = strawberry.field(description="When it began.")
    duration_ms: float = strawberry.field(description="How long it took.")
    error: str | None = strawberry.field(description="Why it failed; null when it went well.")

    @classmethod
    def of(cls, row: DeliveryAttemptRow) -> Self:
        return cls(time=row.time, duration_ms=row.duration_ms, error=row.error)


@strawberry.type(description="A notification on its way to a channel.")
class Delivery(Node):
    row: strawberry.Private[DeliveryRow]
    kind: DeliveryKind = strawberry.field(description="What it tells.")
    severity: Severity = strawberry.field(description="How bad what it tells is.")
    status: DeliveryStatus = strawberry.field(description="Where it stands.")
    attempts: int = strawberry.field(description="How often it was tried.")
    duration_ms: float | None = strawberry.field(description="How long the last try took.")
    error: str | None = strawberry.field(description="Why the last try failed; null when it went well.")
    time: dt.datetime = strawberry.field(description="When it was written.")
    next_attempt_at: dt.datetime | None = strawberry.field(
        description="When it is tried next, or given up by the process that tries it now; null when it has ended."
    )
    finished_at: dt.datetime | None = strawberry.field(description="When it was delivered or given up.")

    @strawberry.field(description="Where it goes.")
    async def channel(self, info: Info) -> Channel:
        row = await info.context.loader(channels_by_number).load((self.row.project_id, self.row.channel_id))
        if row is None:
            raise LookupError(f"delivery {self.row.id} goes to channel {self.row.channel_id}, which is not there")
        return Channel.of(row)

    @strawberry.field(description=f"Its last tries, at most {listing.MOST_ATTEMPTS}, the oldest first.")
    async def attempt_log(self, info: Info) -> list[DeliveryAttempt]:
        key = (self.row.project_id, self.row.id)
        rows = await info.context.loader(listing.attempts_by_delivery).load(key) or []
        return [DeliveryAttempt.of(row) for row in rows]

    @classmethod
    def of(cls, row: DeliveryRow) -> Self:
        return cls(
            id=encode_id("Delivery", row.project_id, row.id),
            row=row,
            kind=DeliveryKind(row.kind),
            severity=Severity(row.severity),
            status=DeliveryStatus(row.status),
            attempts=row.attempts,
            duration_ms=row.duration_ms,
            error=row.error,
            time=row.created_at,
            next_attempt_at=row.next_attempt_at,
            finished_at=row.finished_at,
        )


@strawberry.input(description="The channel to try.")
class TestChannelInput:
    id: strawberry.ID = strawberry.field(description="The channel's `id`.")


@strawberry.type(description="What came of it.")
class TestChannelPayload(Payload):
    delivery: Delivery | None = strawberry.field(
        default=None, description="The delivery, DELIVERED or FAILED with its error; null when refused."
    )


@strawberry.type
class DeliveryQuery:
    @strawberry.field(description="The project's deliveries, the newest first.", extensions=[READS])
    async def deliveries(
        self,
        info: Info,
        first: First,
        after: After = None,
        statuses: Annotated[
            list[DeliveryStatus] | None,
            strawberry.argument(description=f"Only those that stand so, at most {MOST_STATUSES}; null or []: all."),
        ] = None,
    ) -> Connection[Delivery]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        before = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        if len(statuses or []) > MOST_STATUSES:
            raise Invalid(f"`statuses` has at most {MOST_STATUSES}.", field="statuses")
        wanted = {str(status.value) for status in statuses or []}
        async with info.context.reading() as session:
            rows = await listing.list_deliveries(
                session, project_id=project_id, statuses=wanted, limit=limit, before=before
            )
            if any(field.name == "totalCount" for field in selected(info)):
                total = await listing.count_deliveries(session, project_id=project_id, statuses=wanted)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Delivery.of,
            cursor=lambda row: encode_cursor(PLACE, (row.id,)),
            total_count=total,
        )


@strawberry.type
class DeliveryMutation:
    @strawberry.mutation(
        description="Sends a test to a channel, enabled or not, now and once; answers when it is known what came of "
        "it, after a minute at most.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def test_channel(
        self,
        info: Info,
        input: Annotated[TestChannelInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> TestChannelPayload:
        principal, services = info.context.principal, info.context.services
        channel_id = own_number(input.id, "Channel", principal.project_id, NO_SUCH)
        async with info.context.writing() as session:
            row = await write_test(
                session, project_id=principal.project_id, channel_id=channel_id, actor=principal.name
            )
        await attempt(
            services.database,
            project_id=row.project_id,
            number=row.id,
            sender=services.sender,
            vault=services.vault,
        )
        async with info.context.reading() as session:
            sent = await listing.get_delivery(session, project_id=row.project_id, number=row.id)
        return TestChannelPayload(delivery=Delivery.of(sent) if sent else None)
