"""Reconciliation: accounts with providers, and our cost held against what they billed."""

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Self

import strawberry

from models import ProviderAccount as AccountRow
from resolvers.audit_entries import record_audit_entry
from resolvers.errors import Invalid, NotFound
from resolvers.metrics.figures import dollars
from resolvers.metrics.snapshots import take_snapshot
from resolvers.reconciliations import comparing
from resolvers.reconciliations.accounts import NO_SUCH, delete_account, get_account, list_accounts, save_account
from resolvers.reconciliations.fetching import A_DAY, MOST_DAYS
from schema.context import Info
from schema.guards import ADMINISTERS, READS
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.periods import PeriodArgument, PeriodInput
from schema.scalars import BigInt

PLACE, ACCOUNTS = "reconciliation", "provider accounts"


@strawberry.enum(description="A provider whose bill can be fetched.")
class BillingProvider(Enum):
    OPENAI = strawberry.enum_value("openai", description="OpenAI, by an admin key of the organization.")


@strawberry.enum(description="What may explain why a day's cost differs, by more than a cent and 1 %.")
class DifferenceReason(Enum):
    UNPRICED = strawberry.enum_value("unpriced", description="Some of our calls have no price.")
    ESTIMATED = strawberry.enum_value("estimated", description="The senders of some of our calls estimated usage.")
    MISSING_TRAFFIC = strawberry.enum_value("missing_traffic", description="They counted more calls than we have.")
    EXTRA_TRAFFIC = strawberry.enum_value("extra_traffic", description="We have more calls than they counted.")
    TOKENS = strawberry.enum_value("tokens", description="As many calls, but other numbers of tokens.")
    TIER = strawberry.enum_value(
        "tier", description="They billed some calls as batches or in another service tier than the standard one."
    )
    OTHER_SERVICE = strawberry.enum_value(
        "other_service", description="They billed what is no completion: embeddings, images, tools, storage."
    )
    PRICE = strawberry.enum_value(
        "price", description="Calls and tokens agree: look at the price that we calculate with."
    )
    NOT_FINAL = strawberry.enum_value("not_final", description="It was fetched within two days: bills settle late.")
    NOT_FETCHED = strawberry.enum_value("not_fetched", description="The day's bill was not fetched.")


@strawberry.type(description="What one side says of a day and a model.")
class CostSide:
    cost_usd: Decimal = strawberry.field(description="The cost; ours is that of the priced calls.")
    requests: BigInt = strawberry.field(description="Calls.")
    input_tokens: BigInt = strawberry.field(description="Tokens in, cached ones included.")
    output_tokens: BigInt = strawberry.field(description="Tokens out, reasoning included.")

    @classmethod
    def of(cls, side: comparing.Side) -> Self:
        return cls(
            cost_usd=dollars(side.picousd),
            requests=side.requests,
            input_tokens=side.input_tokens,
            output_tokens=side.output_tokens,
        )


@strawberry.type(description="A UTC day and a model, on both sides.")
class ReconciledCost:
    day: dt.datetime = strawberry.field(description="The first instant of the UTC day, which providers bill by.")
    model: str | None = strawberry.field(
        description="The model, without the date of its snapshot; null for what is no call of a model."
    )
    ours: CostSide = strawberry.field(description="What we recorded.")
    theirs: CostSide | None = strawberry.field(description="What they billed; null for a day that was not fetched.")
    difference_usd: Decimal | None = strawberry.field(
        description="Ours without theirs: negative when they billed more. Null for a day that was not fetched."
    )
    reasons: list[DifferenceReason] = strawberry.field(
        description="What may explain it, at most 10, from the counts of both sides; none when they agree."
    )

    @classmethod
    def of(cls, line: comparing.Line) -> Self:
        return cls(
            day=line.day,
            model=line.model or None,
            ours=CostSide.of(line.ours),
            theirs=CostSide.of(line.theirs) if line.theirs else None,
            difference_usd=None if line.difference is None else dollars(line.difference),
            reasons=[DifferenceReason(reason) for reason in line.reasons],
        )


@strawberry.type(description="An account with a provider, whose bill is fetched once a day.")
class ProviderAccount:
    provider: BillingProvider = strawberry.field(description="Which provider.")
    masked_key: str = strawberry.field(description="The end of its admin key: the rest is never shown.")
    billed_projects: list[str] = strawberry.field(
        description="The provider's own projects that are counted, at most 50; none: all of the organization."
    )
    fetched_from: dt.datetime | None = strawberry.field(description="The first day fetched; null before the first.")
    fetched_until: dt.datetime | None = strawberry.field(description="The first day not fetched yet; null for none.")
    fetched_at: dt.datetime | None = strawberry.field(description="When it was fetched last; null: never.")
    last_error: str | None = strawberry.field(
        description="Why the last attempt failed; null when it went well. It is tried again by itself."
    )
    retry_at: dt.datetime | None = strawberry.field(description="When it is tried again after a failure.")
    updated_at: dt.datetime = strawberry.field(description="When it was last saved.")

    @classmethod
    def of(cls, row: AccountRow) -> Self:
        return cls(
            provider=BillingProvider(row.provider),
            masked_key=row.masked_key,
            billed_projects=row.billed_projects,
            fetched_from=row.fetched_from,
            fetched_until=row.fetched_until,
            fetched_at=row.fetched_at,
            last_error=row.last_error,
            retry_at=row.retry_at,
            updated_at=row.updated_at,
        )


@strawberry.type(description="Our cost held against a provider's bill.")
class CostReconciliation:
    account: ProviderAccount = strawberry.field(description="The account, with what is known of its bill.")
    as_of: dt.datetime | None = strawberry.field(
        description="The time of the last commit that our side includes; null before the first."
    )
    ours_usd: Decimal = strawberry.field(description="Our cost on the days that were fetched.")
    theirs_usd: Decimal = strawberry.field(description="What was billed for these days.")
    difference_usd: Decimal = strawberry.field(description="Ours without theirs.")
    found: strawberry.Private[list[comparing.Line]]

    @strawberry.field(description="By day, the newest first, and by model; of a day that the period cuts, all of it.")
    def lines(self, first: First, after: After = None) -> Connection[ReconciledCost]:
        size = page_size(first)
        place = decode_cursor(PLACE, after, tuple[int, str]) if after is not None else None
        places = [(int(line.day.timestamp()), line.model) for line in self.found]
        begin = places.index(place) + 1 if place in places else 0
        return Connection.of(
            self.found[begin : begin + size + 1],
            first=size,
            after=after,
            node=ReconciledCost.of,
            cursor=lambda line: encode_cursor(PLACE, (int(line.day.timestamp()), line.model)),
            total_count=len(self.found),
        )


@strawberry.input(description="An account to add or to change.")
class SaveProviderAccountInput:
    provider: BillingProvider = strawberry.field(description="Which provider: a project has one account with each.")
    admin_key: str | None = strawberry.field(
        default=None, description="Its admin key: stored encrypted and never shown. Null keeps the one that is stored."
    )
    billed_projects: list[str] | None = strawberry.field(
        default=None,
        description="The provider's own projects to count (`proj_…`), at most 50; none: all. Null leaves them.",
    )


@strawberry.type(description="The account as it is now.")
class SaveProviderAccountPayload(Payload):
    account: ProviderAccount | None = strawberry.field(default=None, description="The account; null when refused.")


@strawberry.input(description="The account to delete.")
class DeleteProviderAccountInput:
    provider: BillingProvider = strawberry.field(description="Which provider.")


@strawberry.type(description="What was deleted.")
class DeleteProviderAccountPayload(Payload):
    deleted_provider: BillingProvider | None = strawberry.field(
        default=None, description="The account's provider; null when refused."
    )


@strawberry.input(description="What to fetch now.")
class ReconcileCostsInput:
    provider: BillingProvider = strawberry.field(description="Whose bill.")
    period: PeriodInput = strawberry.field(description="For which UTC days: all that it touches, at most 180.")


@strawberry.type(description="What came of it.")
class ReconcileCostsPayload(Payload):
    account: ProviderAccount | None = strawberry.field(
        default=None, description="The account as it is now; `lastError` says what went wrong."
    )


@strawberry.type
class ReconciliationQuery:
    @strawberry.field(
        description="Our cost held against a provider's bill, by UTC day and model; null without an account.",
        extensions=[READS],
    )
    async def cost_reconciliation(
        self,
        info: Info,
        period: PeriodArgument,
        provider: Annotated[BillingProvider, strawberry.argument(description="Whose bill.")] = BillingProvider.OPENAI,
    ) -> CostReconciliation | None:
        project_id, over = info.context.principal.project_id, period.resolve()
        if over.end - over.start > A_DAY * MOST_DAYS:
            raise Invalid(f"At most {MOST_DAYS} days at once: shorten the period.", field="period")
        async with info.context.reading() as session:
            account = await get_account(session, project_id=project_id, provider=str(provider.value))
            if account is None:
                return None
            snapshot = await take_snapshot(session, project_id=project_id, now=dt.datetime.now(dt.UTC))
            lines = await comparing.reconcile(session, snapshot, account, start=over.start, end=over.end)
        ours, theirs = comparing.sums_of(lines)
        return CostReconciliation(
            account=ProviderAccount.of(account),
            as_of=snapshot.as_of,
            ours_usd=dollars(ours),
            theirs_usd=dollars(theirs),
            difference_usd=dollars(ours - theirs),
            found=lines,
        )

    @strawberry.field(description="The project's accounts with providers.", extensions=[ADMINISTERS])
    async def provider_accounts(self, info: Info, first: First, after: After = None) -> Connection[ProviderAccount]:
        project_id, limit = info.context.principal.project_id, page_size(first) + 1
        place = decode_cursor(ACCOUNTS, after, tuple[str])[0] if after is not None else None
        async with info.context.reading() as session:
            every = await list_accounts(session, project_id=project_id, limit=limit)
        rows = [row for row in every if place is None or row.provider > place]
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=ProviderAccount.of,
            cursor=lambda row: encode_cursor(ACCOUNTS, (row.provider,)),
            total_count=len(every),
        )


@strawberry.type
class ReconciliationMutation:
    @strawberry.mutation(
        description="Adds or changes the account whose bill is fetched once a day.", extensions=[ADMINISTERS, REFUSALS]
    )
    async def save_provider_account(
        self,
        info: Info,
        input: Annotated[SaveProviderAccountInput, strawberry.argument(description="The account.")],  # noqa: A002
    ) -> SaveProviderAccountPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            row = await save_account(
                session,
                project_id=principal.project_id,
                provider=str(input.provider.value),
                key=input.admin_key,
                billed_projects=input.billed_projects,
                vault=info.context.services.vault,
                actor=principal.name,
            )
        return SaveProviderAccountPayload(account=ProviderAccount.of(row))

    @strawberry.mutation(
        description="Deletes an account with its key, and what was fetched by it.", extensions=[ADMINISTERS, REFUSALS]
    )
    async def delete_provider_account(
        self,
        info: Info,
        input: Annotated[DeleteProviderAccountInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> DeleteProviderAccountPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            provider = str(input.provider.value)
            await delete_account(session, project_id=principal.project_id, provider=provider, actor=principal.name)
        return DeleteProviderAccountPayload(deleted_provider=input.provider)

    @strawberry.mutation(
        description="Fetches a provider's bill now, instead of waiting for the day's turn. What went wrong is in "
        "`account.lastError`.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def reconcile_costs(
        self,
        info: Info,
        input: Annotated[ReconcileCostsInput, strawberry.argument(description="What to fetch.")],  # noqa: A002
    ) -> ReconcileCostsPayload:
        over, principal = input.period.resolve(), info.context.principal
        fetcher = info.context.services.fetcher
        if fetcher is None:
            raise NotFound(NO_SUCH, field="provider")
        project_id, provider = principal.project_id, str(input.provider.value)
        row = await fetcher.fetch(project_id=project_id, provider=provider, start=over.start, end=over.end)
        async with info.context.writing() as session:
            record_audit_entry(
                session,
                project_id=project_id,
                actor=principal.name,
                action="provider_account.fetched",
                target=f"provider_account:{provider}",
                details={"from": over.start.isoformat(), "to": over.end.isoformat()},
            )
        return ReconcileCostsPayload(account=ProviderAccount.of(row))
