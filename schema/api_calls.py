"""Single served API calls: the type, their list, and the mutation that records them."""

import datetime as dt
from enum import Enum
from typing import Annotated, Self

import strawberry

from realtime.facts import ApiCallFact
from resolvers import api_calls as calls
from resolvers.events import inputs
from schema.attributes import AttributeFilterInput, attribute_filters, check_filters
from schema.context import Info
from schema.facts import time_cursor, time_position
from schema.guards import READS, SENDS
from schema.ids import Node, encode_id
from schema.paging import After, Connection, First, page_size
from schema.payloads import REFUSALS
from schema.periods import PeriodArgument
from schema.recording import RecordPayload, record_items
from schema.scalars import JSON, BigInt
from schema.selections import selected

PLACE = "apiCalls"


@strawberry.enum(description="What a cache in front of the route did.")
class CacheState(Enum):
    HIT = strawberry.enum_value("hit", description="It answered.")
    MISS = strawberry.enum_value("miss", description="It was asked and had no answer.")
    NONE = strawberry.enum_value("none", description="It was not asked.")


@strawberry.type(description="One request that the monitored product served.")
class ApiCall(Node):
    time: dt.datetime = strawberry.field(description="When it happened, as the sender says.")
    method: str = strawberry.field(description="The HTTP method.")
    route: str = strawberry.field(description="The route template, such as `/nodes/{pubkey}`.")
    status: int = strawberry.field(description="The HTTP status.")
    duration_ms: float | None = strawberry.field(description="How long it took.")
    request_bytes: BigInt | None = strawberry.field(description="Bytes received in the body.")
    response_bytes: BigInt | None = strawberry.field(description="Bytes sent in the body.")
    subject: str | None = strawberry.field(description="Whom it was made for.")
    environment: str | None = strawberry.field(description="The environment, such as `prod`.")
    trace_id: str | None = strawberry.field(description="The trace it is part of.")
    cache: CacheState | None = strawberry.field(description="What the cache did, when the sender said so.")
    attributes: JSON = strawberry.field(description="What else the sender said.")

    @classmethod
    def of(cls, fact: ApiCallFact) -> Self:
        return cls(
            id=encode_id("ApiCall", fact.project_id, fact.seq),
            time=fact.time,
            method=fact.method,
            route=fact.route,
            status=fact.status,
            duration_ms=fact.duration_ms,
            request_bytes=fact.request_bytes,
            response_bytes=fact.response_bytes,
            subject=fact.subject,
            environment=fact.environment,
            trace_id=fact.trace_id,
            cache=None if fact.cache is None else CacheState(fact.cache),
            attributes=fact.attributes,
        )


@strawberry.input(description="Keeps what has one of the values of each list; an empty list keeps all.")
class ApiCallFilter:
    subjects: list[str] | None = strawberry.field(default=None, description="Subjects, at most 1,000.")
    routes: list[str] | None = strawberry.field(default=None, description="Route templates, at most 1,000.")
    methods: list[str] | None = strawberry.field(default=None, description="HTTP methods, at most 1,000.")
    statuses: list[int] | None = strawberry.field(default=None, description="HTTP statuses, at most 1,000.")
    environments: list[str] | None = strawberry.field(default=None, description="Environments, at most 1,000.")
    trace_id: str | None = strawberry.field(default=None, description="A single trace.")
    attributes: list[AttributeFilterInput] | None = strawberry.field(
        default=None, description="Attributes that the project declared: at most 5, each key once."
    )

    def resolve(self) -> calls.ApiCallFilter:
        return calls.ApiCallFilter(
            subjects=tuple(self.subjects or ()),
            routes=tuple(self.routes or ()),
            methods=tuple(self.methods or ()),
            statuses=tuple(self.statuses or ()),
            environments=tuple(self.environments or ()),
            trace_id=self.trace_id,
            attributes=attribute_filters(self.attributes),
        )


@strawberry.input(description="One request that the monitored product served. Limits are those of `POST /v1/events`.")
class ApiCallInput:
    id: str | None = strawberry.field(
        default=None,
        description="Yours, unique with `time`: it makes a retry harmless. The server makes one otherwise.",
    )
    time: dt.datetime = strawberry.field(description="When it happened; at most 5 minutes ahead of now.")
    method: str = strawberry.field(description="The HTTP method.")
    route: str = strawberry.field(description="The route template, such as `/nodes/{pubkey}`.")
    status: int = strawberry.field(description="The HTTP status.")
    duration_ms: float | None = strawberry.field(default=None, description="How long it took.")
    request_bytes: BigInt | None = strawberry.field(default=None, description="Bytes received in the body.")
    response_bytes: BigInt | None = strawberry.field(default=None, description="Bytes sent in the body.")
    subject: str | None = strawberry.field(default=None, description="Whom it was made for.")
    environment: str | None = strawberry.field(default=None, description="The environment, such as `prod`.")
    trace_id: str | None = strawberry.field(default=None, description="The trace it is part of.")
    cache: CacheState | None = strawberry.field(default=None, description="What a cache in front of the route did.")
    attributes: JSON | None = strawberry.field(
        default=None, description="An object with what else you know: 32 keys, 1 KiB a value."
    )


@strawberry.input(description="API calls to record.")
class RecordApiCallsInput:
    calls: list[ApiCallInput] = strawberry.field(description="At most 10,000.")


@strawberry.type
class ApiCallMutation:
    @strawberry.mutation(
        description="Records API calls. The good ones are stored, the bad ones are named.", extensions=[SENDS, REFUSALS]
    )
    async def record_api_calls(
        self,
        info: Info,
        input: Annotated[RecordApiCallsInput, strawberry.argument(description="What to record.")],  # noqa: A002
    ) -> RecordPayload:
        return await record_items(info, inputs.ApiCallInput, input.calls, field="calls")


@strawberry.type
class ApiCallQuery:
    @strawberry.field(description="API calls of a period: newest time first, then commit order.", extensions=[READS])
    async def api_calls(
        self,
        info: Info,
        period: PeriodArgument,
        first: First,
        filter: Annotated[  # noqa: A002
            ApiCallFilter | None, strawberry.argument(description="What to keep.")
        ] = None,
        after: After = None,
    ) -> Connection[ApiCall]:
        project_id = info.context.principal.project_id
        resolved, restricted = period.resolve(), filter.resolve() if filter else calls.ApiCallFilter()
        await check_filters(info, restricted.attributes)
        limit, position = page_size(first) + 1, time_position(PLACE, after)
        total = None
        async with info.context.reading() as session:
            rows = await calls.list_api_calls(
                session, project_id=project_id, period=resolved, filter=restricted, limit=limit, after=position
            )
            if any(field.name == "totalCount" for field in selected(info)):
                total = await calls.count_api_calls(session, project_id=project_id, period=resolved, filter=restricted)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=ApiCall.of,
            cursor=lambda fact: time_cursor(PLACE, fact),
            total_count=total,
        )
