"""What clients may do about answers that are kept: have them made anew."""

import datetime as dt
from typing import Annotated

import strawberry

from resolvers.audit_entries import record_audit_entry
from resolvers.texts import check_optional_text
from schema.context import Info
from schema.guards import EDITS
from schema.payloads import REFUSALS, Payload


@strawberry.input(description="Why answers are to be made anew.")
class ReloadCacheInput:
    reason: str | None = strawberry.field(default=None, description="For the audit log: at most 500 characters.")


@strawberry.type(description="That answers are made anew.")
class ReloadCachePayload(Payload):
    reloaded_at: dt.datetime | None = strawberry.field(
        default=None, description="No answer of the project that is older is given any more, by whatever process."
    )


@strawberry.type
class CacheMutation:
    @strawberry.mutation(
        description="Lets go of every answer of the project that is kept, in every process. Answers are as exact "
        "without: this is for data that was changed past Vigie, in the database itself.",
        extensions=[EDITS, REFUSALS],
    )
    async def reload_cache(
        self,
        info: Info,
        input: Annotated[ReloadCacheInput | None, strawberry.argument(description="Why.")] = None,  # noqa: A002
    ) -> ReloadCachePayload:
        principal = info.context.principal
        reason = check_optional_text(input.reason if input else None, field="reason", most=500)
        async with info.context.writing() as session:  # what is written this way lets go of answers
            record_audit_entry(
                session,
                project_id=principal.project_id,
                actor=principal.name,
                action="cache.reloaded",
                details={} if reason is None else {"reason": reason},
            )
        return ReloadCachePayload(reloaded_at=dt.datetime.now(dt.UTC))
