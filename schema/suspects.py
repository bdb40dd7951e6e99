"""Clients that try what they may not, as administrators see them."""

import datetime as dt
from typing import Final, Self

import strawberry

from resolvers.errors import Invalid
from resolvers.suspects import FIELDS, KEYS, NOBODY, PATHS, SCHEMA, Suspect
from schema.context import Info
from schema.guards import ADMINISTERS
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.scalars import BigInt

PLACE: Final = "suspects"


@strawberry.type(description="A client that tried what it may not.")
class SuspiciousClient:
    address: str = strawberry.field(description="Its address; of IPv6 its network of 64 bits.")
    first_seen: dt.datetime = strawberry.field(description="When it first did.")
    last_seen: dt.datetime = strawberry.field(description="When it last did.")
    attempts: BigInt = strawberry.field(description="How often, all kinds together.")
    bad_keys: BigInt = strawberry.field(description="Keys and tokens that were refused.")
    forbidden_fields: BigInt = strawberry.field(description="Fields that its key may not ask for.")
    unknown_paths: BigInt = strawberry.field(description="Paths at which there is nothing.")
    introspections: BigInt = strawberry.field(description="Requests for the schema with a key that only sends.")

    @classmethod
    def of(cls, suspect: Suspect) -> Self:
        return cls(
            address=suspect.address,
            first_seen=suspect.first_seen,
            last_seen=suspect.last_seen,
            attempts=suspect.total,
            bad_keys=suspect.attempts[KEYS],
            forbidden_fields=suspect.attempts[FIELDS],
            unknown_paths=suspect.attempts[PATHS],
            introspections=suspect.attempts[SCHEMA],
        )


@strawberry.type
class SuspectQuery:
    @strawberry.field(
        description="Clients that tried at the process that answers what they may not, who did last first; since its "
        "start, at most 10,000. What came without a good key is shown to administrators of the first project.",
        extensions=[ADMINISTERS],
    )
    async def suspicious_clients(self, info: Info, first: First, after: After = None) -> Connection[SuspiciousClient]:
        principal = info.context.principal
        projects = (principal.project_id, NOBODY) if principal.runs_installation else (principal.project_id,)
        size, found = page_size(first), info.context.services.suspects.of_projects(projects)
        behind = None if after is None else _place(after)
        page = [one for one in found if behind is None or (one.last_seen, one.address) < behind]
        return Connection.of(
            page[: size + 1],
            first=first,
            after=after,
            node=SuspiciousClient.of,
            cursor=lambda one: encode_cursor(PLACE, (one.last_seen.isoformat(), one.address)),
            total_count=len(found),
        )


def _place(cursor: str) -> tuple[dt.datetime, str]:
    seen, address = decode_cursor(PLACE, cursor, tuple[str, str])
    try:
        return dt.datetime.fromisoformat(seen).astimezone(dt.UTC), address
    except (ValueError, OverflowError):
        raise Invalid("`after` is not a cursor of this list.", field="after") from None
