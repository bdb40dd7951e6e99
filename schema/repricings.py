"""Repricings: what stored calls cost by the prices of now, told first and then applied in the background."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncGenerator
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Self

import strawberry
import structlog

from models import Repricing as RepricingRow
from models.outages import database_is_down
from resolvers import usage_events as events
from resolvers.errors import NotFound
from resolvers.metrics.figures import dollars
from resolvers.repricings.listing import count_repricings, get_repricing, list_repricings
from resolvers.repricings.requesting import request_repricing
from resolvers.repricings.steps import step
from resolvers.repricings.sums import Difference, Model, Sums
from schema.context import Info
from schema.guards import EDITS, READS
from schema.ids import Node, encode_id, own_number
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.periods import PeriodInput
from schema.scalars import BigInt
from schema.selections import selected
from schema.usage_events import UsageFilter

PLACE: Final = "repricings"
NO_SUCH: Final = "There is no such repricing in this project."
MOST_MODELS: Final = 200
DRY_RUN_SECONDS: Final = 10.0
"""How long the answer to a dry run waits for it; then the job goes on with it."""
LOOK_SECONDS: Final = 0.5

log = structlog.get_logger(__name__)


@strawberry.enum(description="How far a repricing is.")
class RepricingStatus(Enum):
    RUNNING = strawberry.enum_value("running", description="It goes on, day by day.")
    DONE = strawberry.enum_value("done", description="It has ended.")
    FAILED = strawberry.enum_value(
        "failed", description="A day could not be priced in several tries. The days before are done."
    )


@strawberry.type(description="What changes, over the calls of the days that are done.")
class RepricingDifference:
    events: BigInt = strawberry.field(description="Calls that were looked at.")
    changed: BigInt = strawberry.field(description="Those whose cost, or what it rests on, changes.")
    before_usd: Decimal = strawberry.field(description="What they cost before: those that had a cost.")
    after_usd: Decimal = strawberry.field(description="What they cost after: those that have one then.")
    difference_usd: Decimal = strawberry.field(description="After without before.")
    priced_before: BigInt = strawberry.field(description="How many had a cost.")
    priced_after: BigInt = strawberry.field(description="How many have one after.")

    @classmethod
    def of(cls, sums: Difference | RepricingRow) -> Self:
        return cls(**_figures(sums))


@strawberry.type(description="What changes for one model.")
class ModelRepricing(RepricingDifference):
    provider: str | None = strawberry.field(description="The provider, as the calls name it.")
    model: str = strawberry.field(description="The model; `(other)` for those beyond a thousand.")

    @classmethod
    def of_model(cls, model: Model, sums: Difference) -> Self:
        return cls(provider=model[0], model=model[1], **_figures(sums))


def _figures(sums: Difference | RepricingRow) -> dict[str, Any]:
    return {
        "events": sums.events,
        "changed": sums.changed,
        "before_usd": dollars(sums.before_picousd),
        "after_usd": dollars(sums.after_picousd),
        "difference_usd": dollars(sums.after_picousd - sums.before_picousd),
        "priced_before": sums.priced_before,
        "priced_after": sums.priced_after,
    }


@strawberry.type(description="Stored calls priced anew by the prices as they stand, UTC day by UTC day.")
class Repricing(Node):
    dry_run: bool = strawberry.field(description="Whether it only tells the difference.")
    status: RepricingStatus = strawberry.field(description="How far it is.")
    from_: dt.datetime = strawberry.field(name="from", description="The first instant whose calls are meant.")
    to: dt.datetime = strawberry.field(description="The first instant after them.")
    progress: float = strawberry.field(description="The share of its days that are done or skipped.")
    days: int = strawberry.field(description="The UTC days of the period that have calls.")
    days_done: int = strawberry.field(description="Those that are done.")
    days_skipped: int = strawberry.field(
        description="Those that begin below the project's retention floor: they stay as they are."
    )
    difference: RepricingDifference = strawberry.field(description="What changes, in all.")
    by_model: list[ModelRepricing] = strawberry.field(
        description="What changes by model: the greatest differences first, at most 200."
    )
    error: str | None = strawberry.field(description="Why the last day was not done, when it was not.")
    requested_by: str = strawberry.field(description="The name of the key that asked for it.")
    created_at: dt.datetime = strawberry.field(description="When it was asked for.")
    updated_at: dt.datetime = strawberry.field(description="When it last came further.")
    finished_at: dt.datetime | None = strawberry.field(description="When it ended; null while it runs.")

    @classmethod
    def of(cls, row: RepricingRow) -> Self:
        status, passed = RepricingStatus(row.status), row.days_done + row.days_skipped
        models = sorted(
            Sums.read(row.by_model).by_model.items(),
            key=lambda each: (-abs(each[1].after_picousd - each[1].before_picousd), -each[1].changed, str(each[0])),
        )
        return cls(
            id=encode_id("Repricing", row.project_id, row.id),
            dry_run=row.dry_run,
            status=status,
            from_=row.starts_at,
            to=row.ends_at,
            progress=1.0 if status is RepricingStatus.DONE else passed / max(row.days, 1),
            days=row.days,
            days_done=row.days_done,
            days_skipped=row.days_skipped,
            difference=RepricingDifference.of(row),
            by_model=[ModelRepricing.of_model(*each) for each in models[:MOST_MODELS]],
            error=row.error,
            requested_by=row.requested_by,
            created_at=row.created_at,
            updated_at=row.updated_at,
            finished_at=row.finished_at,
        )


@strawberry.input(description="Which stored calls to price anew.")
class RepriceUsageInput:
    period: PeriodInput = strawberry.field(description="The calls of this time.")
    filter: UsageFilter | None = strawberry.field(default=None, description="Of these, those that it keeps.")
    dry_run: bool = strawberry.field(default=False, description="Whether only to tell what would change.")


@strawberry.type(description="The repricing as it is now.")
class RepriceUsagePayload(Payload):
    repricing: Repricing | None = strawberry.field(
        default=None,
        description="The repricing; null when refused. A dry run has ended, unless it takes longer than 10 seconds. "
        "Of a CONFLICT: the one that runs.",
    )

    @classmethod
    def shown(cls, current: Any) -> dict[str, Any]:
        return {"repricing": Repricing.of(current)}


@strawberry.type
class RepricingQuery:
    @strawberry.field(description="A repricing by its `id`; null when there is none.", extensions=[READS])
    async def repricing(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The repricing's `id`.")],  # noqa: A002
    ) -> Repricing | None:
        project_id = info.context.principal.project_id
        try:
            number = own_number(id, "Repricing", project_id, NO_SUCH)
        except NotFound:
            return None
        async with info.context.reading() as session:
            row = await get_repricing(session, project_id=project_id, number=number)
        return Repricing.of(row) if row else None

    @strawberry.field(description="The project's last hundred repricings: the newest first.", extensions=[READS])
    async def repricings(self, info: Info, first: First, after: After = None) -> Connection[Repricing]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        place = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await list_repricings(session, project_id=project_id, limit=limit, after=place)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await count_repricings(session, project_id=project_id)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Repricing.of,
            cursor=lambda row: encode_cursor(PLACE, (row.id,)),
            total_count=total,
        )


@strawberry.type
class RepricingMutation:
    @strawberry.mutation(
        description="Prices stored calls anew, by the prices as they stand: with `dryRun` it tells what would change, "
        "else it begins, and goes on in the background. Costs that providers reported stay; CONFLICT while another "
        "repricing of the project runs.",
        extensions=[EDITS, REFUSALS],
    )
    async def reprice_usage(
        self,
        info: Info,
        input: Annotated[RepriceUsageInput, strawberry.argument(description="What to price anew.")],  # noqa: A002
    ) -> RepriceUsagePayload:
        principal, services = info.context.principal, info.context.services
        async with info.context.writing() as session:
            row = await request_repricing(
                session,
                project_id=principal.project_id,
                period=input.period.resolve(),
                filter=input.filter.resolve() if input.filter else events.UsageFilter(),
                dry_run=input.dry_run,
                actor=principal.name,
            )
        if input.dry_run:
            until = time.monotonic() + DRY_RUN_SECONDS
            while time.monotonic() < until and await step(
                services.database, services.prices, project_id=row.project_id, number=row.id
            ):
                pass
            async with services.database.read() as reading:
                row = await get_repricing(reading, project_id=row.project_id, number=row.id) or row
        return RepriceUsagePayload(repricing=Repricing.of(row))


@strawberry.type
class RepricingSubscription:
    @strawberry.subscription(
        description="How far a repricing is, each time that it comes further; it ends with it.", extensions=[READS]
    )
    async def repricing_progress(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The repricing's `id`.")],  # noqa: A002
    ) -> AsyncGenerator[Repricing, None]:
        project_id, database = info.context.principal.project_id, info.context.services.database
        number, told = own_number(id, "Repricing", project_id, NO_SUCH), None
        while True:
            try:
                async with database.read() as session:
                    row = await get_repricing(session, project_id=project_id, number=number)
            except Exception as error:
                if not database_is_down(error):
                    raise
                log.warning("no progress of repricings: the database is down", error=repr(error))
            else:
                if row is None:
                    raise NotFound(NO_SUCH, field="id")
                if row.updated_at != told or row.finished_at is not None:
                    told = row.updated_at
                    yield Repricing.of(row)
                if row.finished_at is not None:
                    return
            await asyncio.sleep(LOOK_SECONDS)
