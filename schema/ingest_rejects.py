"""What ingest refused: the list."""

import datetime as dt
from enum import Enum
from typing import Self

import strawberry

from models import IngestReject as RejectRow
from models.base import from_microseconds, to_microseconds
from resolvers.rejects import listing
from schema.context import Info
from schema.guards import READS
from schema.paging import After, Connection, First, Microseconds, Uuid, decode_cursor, encode_cursor, page_size
from schema.periods import PeriodArgument
from schema.scalars import BigInt
from schema.selections import selected

PLACE = "ingestRejects"


@strawberry.enum(description="A way in for events.")
class IngestDoor(Enum):
    JSON = strawberry.enum_value("json", description="`POST /v1/events`.")
    GRAPHQL = strawberry.enum_value("graphql", description="`recordUsage` and `recordApiCalls`.")
    OTLP = strawberry.enum_value("otlp", description="`POST /v1/traces`.")


@strawberry.type(description="An event that was not taken, or a request of which none was.")
class IngestReject:
    time: dt.datetime = strawberry.field(description="When it was refused.")
    door: IngestDoor = strawberry.field(description="Where it came in.")
    code: str = strawberry.field(
        description="`INVALID` or `TIME_OUT_OF_RANGE`; of a request refused as a whole `HTTP_` with the status, "
        "or `LIMIT_REACHED`."
    )
    field: str | None = strawberry.field(description="Dotted path inside the event; null: all of it.")
    reason: str = strawberry.field(description="The limit and the remedy, as the sender was told.")
    sample: str | None = strawberry.field(
        description="At most 1 KiB of the event, masked: without its content and without the values of unknown fields. "
        "Of what is no JSON each letter is x and each digit 0. Null when there is nothing to show."
    )
    count: BigInt = strawberry.field(
        description="1; more in a row that stands for refusals of a minute beyond the 200 that are kept one by one."
    )

    @classmethod
    def of(cls, row: RejectRow) -> Self:
        return cls(
            time=row.time,
            door=IngestDoor(row.door),
            code=row.code,
            field=row.field,
            reason=row.reason,
            sample=row.sample,
            count=row.count,
        )


@strawberry.type
class IngestRejectQuery:
    @strawberry.field(
        description="Events and requests that were refused at any door, the newest first: at most 20,000, of 7 days. "
        "They are here within seconds.",
        extensions=[READS],
    )
    async def ingest_rejects(
        self, info: Info, period: PeriodArgument, first: First, after: After = None
    ) -> Connection[IngestReject]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        resolved, place = period.resolve(), None
        if after is not None:
            microseconds, id_ = decode_cursor(PLACE, after, tuple[Microseconds, Uuid])
            place = (from_microseconds(microseconds), id_)
        async with info.context.reading() as session:
            rows = await listing.list_rejects(session, project_id=project_id, period=resolved, limit=limit, after=place)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await listing.count_rejects(session, project_id=project_id, period=resolved)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=IngestReject.of,
            cursor=lambda row: encode_cursor(PLACE, (to_microseconds(row.time), row.id)),
            total_count=total,
        )
