"""API keys: the type, their list, and the mutations that make and end one."""

import datetime as dt
import re
from typing import Annotated, Self

import strawberry

from models import ApiKey as ApiKeyRow
from resolvers import api_keys as keys
from resolvers.errors import NotFound
from resolvers.principals import Role
from schema.context import Info
from schema.guards import ADMINISTERS
from schema.ids import Node, encode_id, own_key
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.selections import selected
from schema.viewer import KeyRole

PLACE = "apiKeys"
KEY = re.compile("[1-9][0-9]{0,8}")


@strawberry.type(description="A key that programs and people come with. Only its hash is stored.")
class ApiKey(Node):
    name: str = strawberry.field(description="What it is for.")
    role: KeyRole = strawberry.field(description="What it may do.")
    prefix: str = strawberry.field(description="The first characters of its text, to know it by.")
    created_at: dt.datetime = strawberry.field(description="When it was made.")
    expires_at: dt.datetime | None = strawberry.field(description="When it ends by itself; null: never.")
    last_used_at: dt.datetime | None = strawberry.field(description="When it was last used, to the minute.")
    revoked_at: dt.datetime | None = strawberry.field(description="When it was revoked; null while it was not.")

    @classmethod
    def of(cls, row: ApiKeyRow) -> Self:
        return cls(
            id=encode_id("ApiKey", row.project_id, row.id),
            name=row.name,
            role=KeyRole(row.role),
            prefix=row.prefix,
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
        )


@strawberry.input(description="The key to make.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="What it is for: 1 to 100 characters.")
    role: KeyRole = strawberry.field(description="What it may do.")
    expires_at: dt.datetime | None = strawberry.field(
        default=None, description="When it ends by itself, in the future; null: never."
    )


@strawberry.type(description="The new key.")
class CreateApiKeyPayload(Payload):
    secret: str | None = strawberry.field(
        default=None, description="The key's text, which is shown only here: nobody can learn it again."
    )
    api_key: ApiKey | None = strawberry.field(default=None, description="The key.")


@strawberry.input(description="The key to end.")
class RevokeApiKeyInput:
    id: strawberry.ID = strawberry.field(description="The key's `id`.")


@strawberry.type(description="The ended key.")
class RevokeApiKeyPayload(Payload):
    api_key: ApiKey | None = strawberry.field(default=None, description="The key as it is now.")

    @classmethod
    def shown(cls, current: ApiKeyRow) -> dict[str, ApiKey]:
        return {"api_key": ApiKey.of(current)}


@strawberry.type
class ApiKeyQuery:
    @strawberry.field(description="The project's keys, revoked ones too: the newest first.", extensions=[ADMINISTERS])
    async def api_keys(self, info: Info, first: First, after: After = None) -> Connection[ApiKey]:
        project_id = info.context.principal.project_id
        limit = page_size(first) + 1
        before = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        total = None
        async with info.context.reading() as session:
            rows = await keys.list_api_keys(session, project_id=project_id, limit=limit, before=before)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await keys.count_api_keys(session, project_id=project_id)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=ApiKey.of,
            cursor=lambda row: encode_cursor(PLACE, (row.id,)),
            total_count=total,
        )


@strawberry.type
class ApiKeyMutation:
    @strawberry.mutation(description="Makes a key and shows its text, once.", extensions=[ADMINISTERS, REFUSALS])
    async def create_api_key(
        self,
        info: Info,
        input: Annotated[CreateApiKeyInput, strawberry.argument(description="The key to make.")],  # noqa: A002
    ) -> CreateApiKeyPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            row, secret = await keys.create_api_key(
                session,
                project_id=principal.project_id,
                name=input.name,
                role=Role(str(input.role.value)),
                expires_at=input.expires_at,
                actor=principal.name,
            )
        return CreateApiKeyPayload(secret=secret, api_key=ApiKey.of(row))

    @strawberry.mutation(
        description="Ends a key for good, at once here and within seconds in other processes. Ending it again is fine.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def revoke_api_key(
        self,
        info: Info,
        input: Annotated[RevokeApiKeyInput, strawberry.argument(description="The key to end.")],  # noqa: A002
    ) -> RevokeApiKeyPayload:
        principal, services = info.context.principal, info.context.services
        key = own_key(input.id, type_name="ApiKey", project_id=principal.project_id)
        if key is None or not KEY.fullmatch(key):
            raise NotFound("There is no such key in this project.", field="id")
        async with info.context.writing() as session:
            row = await keys.revoke_api_key(
                session, project_id=principal.project_id, key_id=int(key), actor=principal.name
            )
        services.forget_key(principal.project_id, row.id)
        return RevokeApiKeyPayload(api_key=ApiKey.of(row))
