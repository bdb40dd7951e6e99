"""Budgets: how much may be spent in a window of the calendar, and how each of them stands."""

import datetime as dt
import re
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Self

import strawberry
from strawberry import UNSET

from models import Budget as BudgetRow
from resolvers.budgets.listing import count_budgets, get_budget, list_budgets
from resolvers.budgets.reporting import Report, reports_by_budget
from resolvers.budgets.saving import Scope, delete_budget, save_budget
from resolvers.errors import NotFound
from resolvers.metrics.figures import dollars, share
from schema.context import Info
from schema.guards import EDITS, READS
from schema.ids import Node, encode_id, own_key, own_number
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.scalars import BigInt
from schema.selections import selected

PLACE: Final = "budgets"
NO_SUCH: Final = "There is no such budget in this project."
NUMBER: Final = re.compile("[1-9][0-9]{0,8}")


@strawberry.enum(description="Whose model calls a budget is about.")
class BudgetScope(Enum):
    PROJECT = strawberry.enum_value("project", description="All of the project's.")
    SUBJECT = strawberry.enum_value("subject", description="Those for one subject.")
    MODEL = strawberry.enum_value("model", description="Those of one model.")
    KEY = strawberry.enum_value("key", description="Those that were sent with one API key.")


@strawberry.enum(description="How long a budget lasts before it begins anew: local to its time zone.")
class BudgetWindow(Enum):
    DAY = strawberry.enum_value("day", description="From midnight to midnight.")
    WEEK = strawberry.enum_value("week", description="From Monday's midnight on.")
    MONTH = strawberry.enum_value("month", description="From the first of the month on.")


@strawberry.enum(description="How much of a budget is spent.")
class BudgetState(Enum):
    OK = strawberry.enum_value("ok", description="Less than the soft threshold.")
    SOFT = strawberry.enum_value("soft", description="The soft threshold or more, less than the hard one.")
    HARD = strawberry.enum_value("hard", description="The hard threshold or more.")


@strawberry.type(description="How a budget stands in the window that it is in.")
class BudgetStanding:
    from_: dt.datetime = strawberry.field(name="from", description="The window's first instant.")
    to: dt.datetime = strawberry.field(description="The first instant after it, where the next one begins.")
    as_of: dt.datetime | None = strawberry.field(
        description="The time of the last commit that this includes; null before the first."
    )
    spent_usd: Decimal = strawberry.field(description="What the window's calls cost so far: those that have a price.")
    left_usd: Decimal = strawberry.field(description="The amount without what is spent: negative beyond it.")
    spent_share: float = strawberry.field(description="What is spent, as a share of the amount.")
    projected_usd: Decimal = strawberry.field(
        description="What will be spent at the end of this window, at its rate so far. In its first 24th part, at that "
        "of this whole part: the first calls of a window say little."
    )
    projected_share: float = strawberry.field(description="That as a share of the amount.")
    exhausted_at: dt.datetime | None = strawberry.field(
        description="When nothing will be left at this rate, or when that came to pass, to the quarter-hour; null when "
        "it is not in this window."
    )
    state: BudgetState = strawberry.field(description="How much is spent.")
    requests: BigInt = strawberry.field(description="The window's calls.")
    priced_share: float | None = strawberry.field(
        description="The share of them that have a price: the others are not in `spentUsd`. Null without calls."
    )

    @classmethod
    def of(cls, report: Report) -> Self:
        standing, spent = report.standing, report.standing.spent
        return cls(
            from_=standing.window.start,
            to=standing.window.end,
            as_of=report.as_of,
            spent_usd=dollars(spent.picousd),
            left_usd=dollars(standing.left),
            spent_share=standing.spent_share,
            projected_usd=dollars(standing.projected),
            projected_share=standing.projected_share,
            exhausted_at=report.exhausted_at,
            state=BudgetState(standing.state),
            requests=spent.requests,
            priced_share=share(spent.priced, spent.requests),
        )


@strawberry.type(description="How much may be spent in a window of the calendar. It tells; it stops nothing.")
class Budget(Node):
    row: strawberry.Private[BudgetRow]
    name: str = strawberry.field(description="What it is called.")
    amount_usd: Decimal = strawberry.field(description="How much may be spent in each window.")
    scope: BudgetScope = strawberry.field(description="Whose calls it is about.")
    scope_value: str | None = strawberry.field(
        description="The subject, the model, or the `id` of the API key; null for the whole project."
    )
    window: BudgetWindow = strawberry.field(description="How long it lasts before it begins anew.")
    time_zone: str = strawberry.field(description="The IANA zone whose midnights begin and end its windows.")
    soft_threshold: float = strawberry.field(description="The share of the amount from which on it is SOFT.")
    hard_threshold: float = strawberry.field(description="The share of the amount from which on it is HARD.")
    created_at: dt.datetime = strawberry.field(description="When it was added.")
    updated_at: dt.datetime = strawberry.field(description="When it was last saved.")

    @strawberry.field(description="How it stands now; null when it was deleted meanwhile.")
    async def standing(self, info: Info) -> BudgetStanding | None:
        report = await info.context.loader(reports_by_budget).load((self.row.project_id, self.row.id))
        return BudgetStanding.of(report) if report else None

    @classmethod
    def of(cls, row: BudgetRow) -> Self:
        value = row.scope_value
        return cls(
            id=encode_id("Budget", row.project_id, row.id),
            row=row,
            name=row.name,
            amount_usd=dollars(row.amount_picousd),
            scope=BudgetScope(row.scope),
            scope_value=encode_id("ApiKey", row.project_id, value) if row.scope == "key" and value else value,
            window=BudgetWindow(row.window),
            time_zone=row.time_zone,
            soft_threshold=row.soft_threshold,
            hard_threshold=row.hard_threshold,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@strawberry.input(
    description="A budget to add, or with `id` to change: what is left out then stays as it is, and null is the "
    "default."
)
class SaveBudgetInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The budget to change; null adds one.")
    name: str = strawberry.field(description="What it is called: 1 to 100 characters.")
    amount_usd: Decimal = strawberry.field(description="How much may be spent in each window, up to 1,000,000.")
    window: BudgetWindow = strawberry.field(description="How long it lasts before it begins anew.")
    scope: BudgetScope | None = strawberry.field(
        default=UNSET, description="By default PROJECT. With it comes `scopeValue`."
    )
    scope_value: str | None = strawberry.field(
        default=UNSET, description="The subject, the model, or the `id` of the API key that it is about."
    )
    time_zone: str | None = strawberry.field(default=UNSET, description="An IANA name; by default UTC.")
    soft_threshold: float | None = strawberry.field(
        default=UNSET, description="From which share of the amount on it is SOFT; by default 0.8."
    )
    hard_threshold: float | None = strawberry.field(
        default=UNSET, description="From which share of the amount on it is HARD; by default 1.0."
    )

    def resolve(self, project_id: int) -> dict[str, Any]:
        """What is meant besides the name, the amount and the window. Raises NotFound for a key that is not there."""
        names = ("time_zone", "soft_threshold", "hard_threshold")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not UNSET}
        if self.scope is not UNSET or self.scope_value is not UNSET:
            kind = str(self.scope.value) if self.scope else "project"
            value = self.scope_value or None
            given["scope"] = Scope(kind, _key_number(value, project_id) if kind == "key" and value else value)
        return given


@strawberry.type(description="The budget as it is now.")
class SaveBudgetPayload(Payload):
    budget: Budget | None = strawberry.field(default=None, description="The budget; null when refused.")


@strawberry.input(description="The budget to delete.")
class DeleteBudgetInput:
    id: strawberry.ID = strawberry.field(description="The budget's `id`.")


@strawberry.type(description="What was deleted.")
class DeleteBudgetPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The budget's `id`; null when refused."
    )


@strawberry.type
class BudgetQuery:
    @strawberry.field(description="The project's budgets, in the order in which they were added.", extensions=[READS])
    async def budgets(self, info: Info, first: First, after: After = None) -> Connection[Budget]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        place = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await list_budgets(session, project_id=project_id, limit=limit, after=place)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await count_budgets(session, project_id=project_id)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Budget.of,
            cursor=lambda row: encode_cursor(PLACE, (row.id,)),
            total_count=total,
        )

    @strawberry.field(description="One budget; null when there is no such one.", extensions=[READS])
    async def budget(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The budget's `id`.")],  # noqa: A002
    ) -> Budget | None:
        project_id = info.context.principal.project_id
        key = own_key(id, type_name="Budget", project_id=project_id)
        if key is None or not NUMBER.fullmatch(key):
            return None
        async with info.context.reading() as session:
            row = await get_budget(session, project_id=project_id, number=int(key))
        return Budget.of(row) if row else None


@strawberry.type
class BudgetMutation:
    @strawberry.mutation(
        description="Adds or changes a budget. Alert rules on BUDGET_SPENT_SHARE and BUDGET_PROJECTED_SHARE watch it.",
        extensions=[EDITS, REFUSALS],
    )
    async def save_budget(
        self,
        info: Info,
        input: Annotated[SaveBudgetInput, strawberry.argument(description="The budget.")],  # noqa: A002
    ) -> SaveBudgetPayload:
        principal = info.context.principal
        number = None if input.id is None else own_number(input.id, "Budget", principal.project_id, NO_SUCH)
        values = input.resolve(principal.project_id)
        async with info.context.writing() as session:
            row = await save_budget(
                session,
                project_id=principal.project_id,
                number=number,
                name=input.name,
                amount_usd=input.amount_usd,
                window=str(input.window.value),
                values=values,
                actor=principal.name,
            )
        return SaveBudgetPayload(budget=Budget.of(row))

    @strawberry.mutation(
        description="Deletes a budget. Alert rules that watch it become BROKEN: give them another, or delete them.",
        extensions=[EDITS, REFUSALS],
    )
    async def delete_budget(
        self,
        info: Info,
        input: Annotated[DeleteBudgetInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> DeleteBudgetPayload:
        principal = info.context.principal
        number = own_number(input.id, "Budget", principal.project_id, NO_SUCH)
        async with info.context.writing() as session:
            await delete_budget(session, project_id=principal.project_id, number=number, actor=principal.name)
        return DeleteBudgetPayload(deleted_id=input.id)


def _key_number(text: str, project_id: int) -> str:
    key = own_key(text, type_name="ApiKey", project_id=project_id, field="scopeValue")
    if key is None or not NUMBER.fullmatch(key):
        raise NotFound("There is no such key in this project.", field="scopeValue")
    return key
