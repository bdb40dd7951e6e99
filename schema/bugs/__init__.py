"""Bugs: their lists and figures, and the mutations that file, change and discuss them."""

from typing import Annotated, Any, Literal

import strawberry

from models import Bug as BugRow
from models.base import from_microseconds, to_microseconds
from resolvers.bugs import comments, filing, filters, listing, updating
from resolvers.bugs.reading import get_bug
from schema.bugs.inputs import BugFilter, BugOrder, CommentOnBugInput, FileBugInput, UpdateBugInput
from schema.bugs.stats import BugStats, read_stats
from schema.bugs.types import Bug, BugComment
from schema.context import Info
from schema.guards import EDITS, READS, SENDS
from schema.paging import After, Connection, First, Microseconds, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.periods import PeriodArgument
from schema.selections import selected

KEYS: dict[str, Any] = {
    "number": tuple[int],
    "updated_at": tuple[Microseconds, int],
    "severity": tuple[Literal["low", "medium", "high", "critical"], int],
    "priority": tuple[Literal["low", "medium", "high", "urgent"], int],
}


@strawberry.type(description="What became of a report.")
class FileBugPayload(Payload):
    bug: Bug | None = strawberry.field(
        default=None, description="The new bug, or the one with that fingerprint; null when refused."
    )
    duplicate_of: Bug | None = strawberry.field(
        default=None, description="The same bug, when it was there before and counts one occurrence more."
    )


@strawberry.type(description="The bug as it is now.")
class UpdateBugPayload(Payload):
    bug: Bug | None = strawberry.field(
        default=None, description="The bug as it is now; null when refused, but for a conflict."
    )

    @classmethod
    def shown(cls, current: BugRow) -> dict[str, Bug]:
        return {"bug": Bug.of(current)}


@strawberry.type(description="What was said.")
class CommentOnBugPayload(Payload):
    comment: BugComment | None = strawberry.field(default=None, description="The comment; null when refused.")


@strawberry.type
class BugQuery:
    @strawberry.field(description="Bugs, the newest first or as ordered.", extensions=[READS])
    async def bugs(
        self,
        info: Info,
        first: First,
        filter: Annotated[  # noqa: A002
            BugFilter | None, strawberry.argument(description="What to keep.")
        ] = None,
        order_by: Annotated[BugOrder | None, strawberry.argument(description="Null: the newest first.")] = None,
        after: After = None,
    ) -> Connection[Bug]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        kept = filter.resolve() if filter else filters.BugFilter()
        order = order_by.resolve() if order_by else listing.BugOrder()
        async with info.context.reading() as session:
            rows = await listing.list_bugs(
                session, project_id=project_id, kept=kept, order=order, limit=limit, after=_position(order, after)
            )
            if any(field.name == "totalCount" for field in selected(info)):
                total = await listing.count_bugs(session, project_id=project_id, kept=kept)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Bug.of,
            cursor=lambda row: _cursor(order, row),
            total_count=total,
        )

    @strawberry.field(description="The bug with a number; null when there is none.", extensions=[READS])
    async def bug(
        self, info: Info, number: Annotated[int, strawberry.argument(description="Its number.")]
    ) -> Bug | None:
        async with info.context.reading() as session:
            row = await get_bug(session, project_id=info.context.principal.project_id, number=number)
        return Bug.of(row) if row else None

    @strawberry.field(description="Figures of a period's bugs.", extensions=[READS])
    async def bug_stats(self, info: Info, period: PeriodArgument) -> BugStats:
        return await read_stats(info, period.resolve())


@strawberry.type
class BugMutation:
    @strawberry.mutation(
        description="Files a bug, or counts an occurrence of one that has the same fingerprint.",
        extensions=[SENDS, REFUSALS],
    )
    async def file_bug(
        self,
        info: Info,
        input: Annotated[FileBugInput, strawberry.argument(description="The bug.")],  # noqa: A002
    ) -> FileBugPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            filed = await filing.file_bug(
                session, project_id=principal.project_id, actor=principal.name, report=input.resolve()
            )
        bug = Bug.of(filed.bug)
        return FileBugPayload(bug=bug, duplicate_of=bug if filed.repeated else None)

    @strawberry.mutation(
        description="Changes fields of a bug that nobody has changed since you saw it.", extensions=[EDITS, REFUSALS]
    )
    async def update_bug(
        self,
        info: Info,
        input: Annotated[UpdateBugInput, strawberry.argument(description="What to change.")],  # noqa: A002
    ) -> UpdateBugPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            row = await updating.update_bug(
                session,
                project_id=principal.project_id,
                actor=principal.name,
                number=input.number,
                expected_version=input.expected_version,
                values=input.resolve(),
            )
        return UpdateBugPayload(bug=Bug.of(row))

    @strawberry.mutation(description="Adds a comment to a bug.", extensions=[EDITS, REFUSALS])
    async def comment_on_bug(
        self,
        info: Info,
        input: Annotated[CommentOnBugInput, strawberry.argument(description="What to say.")],  # noqa: A002
    ) -> CommentOnBugPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            row = await comments.comment_on_bug(
                session,
                project_id=principal.project_id,
                actor=principal.name,
                number=input.number,
                body=input.body,
            )
        return CommentOnBugPayload(comment=BugComment.of(row))


def _place(order: listing.BugOrder) -> str:
    """A list in another order is another list: its cursors do not fit."""
    return f"bugs.{order.field}.{'desc' if order.descending else 'asc'}"


def _cursor(order: listing.BugOrder, row: BugRow) -> str:
    first, *rest = order.keys(row)
    return encode_cursor(_place(order), (to_microseconds(first) if order.field == "updated_at" else first, *rest))


def _position(order: listing.BugOrder, cursor: str | None) -> tuple[Any, ...] | None:
    """Where the list continues. Raises Invalid for a cursor of another list."""
    if cursor is None:
        return None
    first, *rest = decode_cursor(_place(order), cursor, KEYS[order.field])
    return (from_microseconds(first) if order.field == "updated_at" else first, *rest)
