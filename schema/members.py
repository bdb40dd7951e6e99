"""Members: who may come with a token of the issuer, and as what."""

import datetime as dt
from typing import Annotated, Final, Self

import msgspec
import strawberry

from models import Member as MemberRow
from resolvers import members
from resolvers.principals import Role
from schema.context import Info
from schema.guards import ADMINISTERS
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.selections import selected
from schema.viewer import KeyRole

PLACE: Final = "members"
Name = Annotated[str, msgspec.Meta(pattern=f"^[^\x00]{{1,{members.MOST_NAME_CHARACTERS}}}$")]


@strawberry.type(description="Somebody whom the project knows by the name in their token.")
class Member:
    name: str = strawberry.field(description="What the token says of its bearer: `sub`, unless another claim is set.")
    role: KeyRole = strawberry.field(description="What they may do with a token that names no role.")
    created_at: dt.datetime = strawberry.field(description="When they were added.")
    updated_at: dt.datetime = strawberry.field(description="When their role was last saved.")

    @classmethod
    def of(cls, row: MemberRow) -> Self:
        return cls(name=row.name, role=KeyRole(row.role), created_at=row.created_at, updated_at=row.updated_at)


@strawberry.input(description="Whom the project knows, and as what.")
class SaveMemberInput:
    name: str = strawberry.field(description="What their token says of them: 1 to 255 characters, told apart by case.")
    role: KeyRole = strawberry.field(description="What they may do.")


@strawberry.type(description="The member.")
class SaveMemberPayload(Payload):
    member: Member | None = strawberry.field(default=None, description="The member as it is now.")


@strawberry.input(description="The member to remove.")
class RemoveMemberInput:
    name: str = strawberry.field(description="The member's `name`.")


@strawberry.type(description="The removed member.")
class RemoveMemberPayload(Payload):
    removed_name: str | None = strawberry.field(default=None, description="The name, when somebody was removed.")


@strawberry.type
class MemberQuery:
    @strawberry.field(description="The project's members, in the order of their names.", extensions=[ADMINISTERS])
    async def members(self, info: Info, first: First, after: After = None) -> Connection[Member]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        place = decode_cursor(PLACE, after, tuple[Name])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await members.list_members(session, project_id=project_id, limit=limit, after=place)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await members.count_members(session, project_id=project_id)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Member.of,
            cursor=lambda row: encode_cursor(PLACE, (row.name,)),
            total_count=total,
        )


@strawberry.type
class MemberMutation:
    @strawberry.mutation(
        description="Adds a member, or gives one another role: at once here and within seconds in other processes. "
        "What they have open under the role before ends then.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def save_member(
        self,
        info: Info,
        input: Annotated[SaveMemberInput, strawberry.argument(description="The member.")],  # noqa: A002
    ) -> SaveMemberPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            row = await members.save_member(
                session,
                project_id=principal.project_id,
                name=input.name,
                role=Role(str(input.role.value)),
                actor=principal.name,
            )
        info.context.services.forget_key(principal.project_id, row.name)
        return SaveMemberPayload(member=Member.of(row))

    @strawberry.mutation(
        description="Takes a member out of the project, and ends what they have open, unless their token itself names "
        "project and role: such a token is the issuer's to withdraw.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def remove_member(
        self,
        info: Info,
        input: Annotated[RemoveMemberInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> RemoveMemberPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            await members.remove_member(session, project_id=principal.project_id, name=input.name, actor=principal.name)
        info.context.services.forget_key(principal.project_id, input.name)
        return RemoveMemberPayload(removed_name=input.name)
