"""What clients may do about answers that are kept: have them made anew."""

import datetime as dt

import strawberry

from schema.context import Info
from schema.guards import EDITS
from schema.payloads import REFUSALS, Payload


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
    async def reload_cache(self, info: Info) -> ReloadCachePayload:
        async with info.context.writing():
            pass  # what is written this way lets go of answers
        return ReloadCachePayload(reloaded_at=dt.datetime.now(dt.UTC))
