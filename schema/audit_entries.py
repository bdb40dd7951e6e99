"""The audit log: who did what, as a list."""

import datetime as dt
from typing import Annotated, Final, Self

import strawberry

from models import AuditEntry as AuditEntryRow
from models.base import from_microseconds, to_microseconds
from resolvers import audit_entries
from resolvers.audit_entries import Wanted
from resolvers.texts import check_optional_text
from schema.context import Info
from schema.guards import ADMINISTERS
from schema.paging import After, Connection, First, Microseconds, Uuid, decode_cursor, encode_cursor, page_size
from schema.periods import PeriodInput
from schema.scalars import JSON
from schema.selections import selected

PLACE: Final = "auditLog"
MOST_CHARACTERS: Final = 300


@strawberry.type(description="One administrative action.")
class AuditEntry:
    time: dt.datetime = strawberry.field(description="When it was done.")
    actor: str = strawberry.field(
        description="The name of the key, or of a token's bearer, that did it; `cli` or `bootstrap`: Vigie's own "
        "commands and first start."
    )
    action: str = strawberry.field(description="What was done, such as `api_key.revoked`.")
    target: str | None = strawberry.field(description="To what, such as `api_key:3`; null: to the project.")
    details: JSON = strawberry.field(
        description="More about it, never a secret; `before` and `after` where something was changed."
    )

    @classmethod
    def of(cls, row: AuditEntryRow) -> Self:
        return cls(time=row.time, actor=row.actor, action=row.action, target=row.target, details=row.details)


@strawberry.input(description="What to leave out: an entry has to meet each condition that is given.")
class AuditLogFilter:
    period: PeriodInput | None = strawberry.field(default=None, description="When it was done.")
    actor: str | None = strawberry.field(default=None, description="Who did it: the whole name.")
    action: str | None = strawberry.field(
        default=None, description="What was done: a whole action, or what comes before its dot (`api_key`)."
    )
    target: str | None = strawberry.field(default=None, description="To what: the whole target.")

    def resolve(self) -> Wanted:
        """The conditions. Raises Invalid."""
        texts = {"actor": self.actor, "action": self.action, "target": self.target}
        return Wanted(
            period=self.period.resolve() if self.period else None,
            **{
                name: check_optional_text(text, field=f"filter.{name}", most=MOST_CHARACTERS)
                for name, text in texts.items()
            },
        )


@strawberry.type
class AuditEntryQuery:
    @strawberry.field(
        description="What was administered in the project, the newest first, for as long as `retention` keeps history.",
        extensions=[ADMINISTERS],
    )
    async def audit_log(
        self,
        info: Info,
        first: First,
        after: After = None,
        filter: Annotated[  # noqa: A002
            AuditLogFilter | None, strawberry.argument(description="What to leave out; null: nothing.")
        ] = None,
    ) -> Connection[AuditEntry]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        wanted, place = filter.resolve() if filter else Wanted(), None
        if after is not None:
            microseconds, id_ = decode_cursor(PLACE, after, tuple[Microseconds, Uuid])
            place = (from_microseconds(microseconds), id_)
        async with info.context.reading() as session:
            rows = await audit_entries.list_audit_entries(
                session, project_id=project_id, wanted=wanted, limit=limit, after=place
            )
            if any(field.name == "totalCount" for field in selected(info)):
                total = await audit_entries.count_audit_entries(session, project_id=project_id, wanted=wanted)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=AuditEntry.of,
            cursor=lambda row: encode_cursor(PLACE, (to_microseconds(row.time), row.id)),
            total_count=total,
        )
