"""Open connections: who listens to this process, how far behind, and what waits for whom."""

import datetime as dt
from enum import Enum
from typing import Final, Self

import strawberry

from resolvers.api_keys import api_keys_by_place
from resolvers.connections import Connection as Held
from resolvers.errors import Invalid
from schema.api_keys import ApiKey
from schema.context import Info
from schema.guards import ADMINISTERS
from schema.ids import Node, encode_id
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.scalars import BigInt

PLACE: Final = "connections"


@strawberry.enum(description="How a client is connected.")
class Transport(Enum):
    WEBSOCKET = strawberry.enum_value("websocket", description="A WebSocket, by graphql-transport-ws.")
    SSE = strawberry.enum_value("sse", description="A response of server-sent events.")


@strawberry.type(description="A connection that a client holds open.")
class Socket(Node):
    process: str = strawberry.field(description="The process that serves it: host and process id.")
    transport: Transport = strawberry.field(description="How the client is connected.")
    since: dt.datetime = strawberry.field(description="When it was opened.")
    address: str | None = strawberry.field(description="The client's address, or that of the proxy before Vigie.")
    operations: int = strawberry.field(description="Operations that run on it now.")
    lag: BigInt = strawberry.field(description="How many facts of the log its slowest stream is behind.")
    queue: int = strawberry.field(description="Messages that wait for the client to read those before them.")
    queued_bytes: BigInt = strawberry.field(description="Bytes of the messages that wait.")
    sent_bytes: BigInt = strawberry.field(description="Bytes of the messages sent since it was opened.")
    name: str | None = strawberry.field(description="The name of its key, or of the bearer of its token.")
    held: strawberry.Private[Held]

    @strawberry.field(description="The key that it was opened with; null: it was a token.")
    async def api_key(self, info: Info) -> ApiKey | None:
        principal = self.held.principal
        if principal is None or principal.key_id is None:
            return None
        row = await info.context.loader(api_keys_by_place).load((principal.project_id, principal.key_id))
        return ApiKey.of(row) if row else None

    @classmethod
    def of(cls, held: Held, *, project_id: int, process: str) -> Self:
        return cls(
            id=encode_id("Socket", project_id, held.number),
            process=process,
            transport=Transport(held.transport),
            since=held.since,
            address=held.address,
            operations=held.operations,
            lag=held.lag,
            queue=held.queued,
            queued_bytes=held.queued_bytes,
            sent_bytes=held.sent_bytes,
            name=held.principal.name if held.principal else None,
            held=held,
        )


@strawberry.type
class ConnectionQuery:
    @strawberry.field(
        description="The WebSockets and event streams that keys and tokens of the project hold open to the process "
        "that answers, the newest first. Behind a load balancer each process knows its own: ask them one by one.",
        extensions=[ADMINISTERS],
    )
    async def connections(self, info: Info, first: First, after: After = None) -> Connection[Socket]:
        project_id, connections = info.context.principal.project_id, info.context.services.connections
        size, held = page_size(first), connections.of_project(info.context.principal.project_id)
        behind = None if after is None else _place(after)
        page = [one for one in held if behind is None or (one.since, one.number) < behind]
        return Connection.of(
            page[: size + 1],
            first=first,
            after=after,
            node=lambda one: Socket.of(one, project_id=project_id, process=connections.process),
            cursor=lambda one: encode_cursor(PLACE, (one.since.isoformat(), one.number)),
            total_count=len(held),
        )


def _place(cursor: str) -> tuple[dt.datetime, int]:
    since, number = decode_cursor(PLACE, cursor, tuple[str, int])
    try:
        return dt.datetime.fromisoformat(since).astimezone(dt.UTC), number
    except (ValueError, OverflowError):
        raise Invalid("`after` is not a cursor of this list.", field="after") from None
