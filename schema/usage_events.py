"""Single model calls: the type, their list, and the mutation that records them."""

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Self

import strawberry

from realtime.facts import UsageFact
from resolvers import usage_events as events
from resolvers.contents.reading import Key, contents_by_key
from resolvers.events import inputs
from resolvers.metrics.figures import dollars
from schema.attributes import AttributeFilterInput, attribute_filters, check_filters
from schema.contents import UsageContent
from schema.context import Info
from schema.costs import CostBasis, computed_usd, reported_usd
from schema.facts import time_cursor, time_position
from schema.guards import EDITS, READS, SENDS
from schema.ids import Node, encode_id
from schema.metrics.figures import Tokens
from schema.paging import After, Connection, First, page_size
from schema.payloads import REFUSALS
from schema.periods import PeriodArgument
from schema.recording import RecordPayload, record_items
from schema.scalars import JSON, BigInt
from schema.selections import selected

PLACE = "usageEvents"


@strawberry.enum(description="How a model call ended.")
class CallStatus(Enum):
    OK = strawberry.enum_value("ok", description="It answered.")
    ERROR = strawberry.enum_value("error", description="It failed.")
    ABORTED = strawberry.enum_value("aborted", description="The caller gave up; no error.")


@strawberry.type(description="Why a model call failed.")
class CallError:
    type: str = strawberry.field(description="The kind of error, such as `RateLimitError`.")
    message: str | None = strawberry.field(description="What it said.")


@strawberry.type(description="One call of a model.")
class UsageEvent(Node):
    key: strawberry.Private[Key]
    time: dt.datetime = strawberry.field(description="When it happened, as the sender says.")
    provider: str | None = strawberry.field(description="Who ran the model, such as `openai`.")
    model: str = strawberry.field(description="The model.")
    operation: str | None = strawberry.field(description="The operation, such as `chat` or `embeddings`.")
    subject: str | None = strawberry.field(description="Whom it was made for.")
    environment: str | None = strawberry.field(description="The environment, such as `prod`.")
    trace_id: str | None = strawberry.field(description="The trace it is part of.")
    session_id: str | None = strawberry.field(description="The session it is part of.")
    status: CallStatus = strawberry.field(description="How it ended.")
    error: CallError | None = strawberry.field(description="Why it failed, when the sender said so.")
    duration_ms: float | None = strawberry.field(description="How long it took.")
    time_to_first_token_ms: float | None = strawberry.field(description="How long it took to begin.")
    tokens: Tokens = strawberry.field(description="Tokens in and out.")
    cost_usd: Decimal | None = strawberry.field(description="What it cost; null when nobody knows a price.")
    cost_basis: CostBasis = strawberry.field(description="What the cost rests on.")
    reported_cost_usd: Decimal | None = strawberry.field(
        description="What the sender said that the provider billed: then that is the cost."
    )
    computed_cost_usd: Decimal | None = strawberry.field(
        description="What our prices say, also where the provider's own figure counts; null when they do not know."
    )
    estimated: bool = strawberry.field(description="Whether the sender estimated the usage.")
    attributes: JSON = strawberry.field(description="What else the sender said.")
    service_tier: str | None = strawberry.field(description="The provider's service tier, such as `batch`.")
    raw_usage: JSON | None = strawberry.field(
        description="The usage as it was reported, before cached and reasoning tokens were counted one way for all."
    )

    @strawberry.field(
        description="What went to the model and what came back; null where the project does not keep it.",
        extensions=[EDITS],
    )
    async def content(self, info: Info) -> UsageContent | None:
        content = await info.context.loader(contents_by_key).load(self.key)
        return UsageContent.of(content) if content else None

    @classmethod
    def of(cls, fact: UsageFact) -> Self:
        error = None
        if fact.error_type is not None:
            error = CallError(type=fact.error_type, message=fact.error_message)
        prompt = fact.uncached_tokens + fact.cache_read_tokens + fact.cache_write_tokens
        answer = fact.visible_tokens + fact.reasoning_tokens
        return cls(
            id=encode_id("UsageEvent", fact.project_id, fact.seq),
            key=(fact.project_id, fact.time, fact.id),
            time=fact.time,
            provider=fact.provider,
            model=fact.model,
            operation=fact.operation,
            subject=fact.subject,
            environment=fact.environment,
            trace_id=fact.trace_id,
            session_id=fact.session_id,
            status=CallStatus(fact.status),
            error=error,
            duration_ms=fact.duration_ms,
            time_to_first_token_ms=fact.time_to_first_token_ms,
            tokens=Tokens(
                input=prompt,
                output=answer,
                total=prompt + answer,
                cache_read=fact.cache_read_tokens,
                cache_write=fact.cache_write_tokens,
                reasoning=fact.reasoning_tokens,
            ),
            cost_usd=None if fact.cost_picousd is None else dollars(fact.cost_picousd),
            cost_basis=CostBasis.of(fact),
            reported_cost_usd=reported_usd(fact),
            computed_cost_usd=computed_usd(fact),
            estimated=fact.estimated,
            attributes=fact.attributes,
            service_tier=fact.service_tier,
            raw_usage=fact.raw_usage,
        )


@strawberry.input(description="Keeps what has one of the values of each list; an empty list keeps all.")
class UsageFilter:
    subjects: list[str] | None = strawberry.field(default=None, description="Subjects, at most 1,000.")
    models: list[str] | None = strawberry.field(default=None, description="Models, at most 1,000.")
    providers: list[str] | None = strawberry.field(default=None, description="Providers, at most 1,000.")
    operations: list[str] | None = strawberry.field(default=None, description="Operations, at most 1,000.")
    statuses: list[CallStatus] | None = strawberry.field(default=None, description="How the call ended, at most 1,000.")
    environments: list[str] | None = strawberry.field(default=None, description="Environments, at most 1,000.")
    trace_id: str | None = strawberry.field(default=None, description="A single trace.")
    session_id: str | None = strawberry.field(default=None, description="A single session.")
    attributes: list[AttributeFilterInput] | None = strawberry.field(
        default=None, description="Attributes that the project declared: at most 5, each key once."
    )

    def resolve(self) -> events.UsageFilter:
        return events.UsageFilter(
            subjects=tuple(self.subjects or ()),
            models=tuple(self.models or ()),
            providers=tuple(self.providers or ()),
            operations=tuple(self.operations or ()),
            statuses=tuple(str(status.value) for status in self.statuses or ()),
            environments=tuple(self.environments or ()),
            trace_id=self.trace_id,
            session_id=self.session_id,
            attributes=attribute_filters(self.attributes),
        )


@strawberry.input(description="Tokens as OpenTelemetry counts them; what is left out is 0.")
class TokensInput:
    input: BigInt | None = strawberry.field(default=None, description="All of the prompt, cached tokens included.")
    output: BigInt | None = strawberry.field(default=None, description="All of the answer, reasoning included.")
    cache_read: BigInt | None = strawberry.field(default=None, description="The part of `input` read from a cache.")
    cache_write: BigInt | None = strawberry.field(default=None, description="The part of `input` written to a cache.")
    reasoning: BigInt | None = strawberry.field(default=None, description="The part of `output` that was reasoning.")
    input_audio: BigInt | None = strawberry.field(default=None, description="The part of `input` that was audio.")
    output_audio: BigInt | None = strawberry.field(default=None, description="The part of `output` that was audio.")
    input_image: BigInt | None = strawberry.field(default=None, description="The part of `input` that was images.")
    output_image: BigInt | None = strawberry.field(default=None, description="The part of `output` that was images.")


@strawberry.input(description="Why a model call failed.")
class CallErrorInput:
    type: str = strawberry.field(description="The kind of error, such as `RateLimitError`.")
    message: str | None = strawberry.field(default=None, description="What it said.")


@strawberry.input(
    description="What went to the model and what came back: text, or any JSON, such as an array of messages."
)
class ContentInput:
    input: JSON | None = strawberry.field(default=None, description="The prompt.")
    output: JSON | None = strawberry.field(default=None, description="The answer.")


@strawberry.input(description="One call of a model. Limits are those of `POST /v1/events`.")
class UsageEventInput:
    id: str | None = strawberry.field(
        default=None,
        description="Yours, unique with `time`: it makes a retry harmless. The server makes one otherwise.",
    )
    time: dt.datetime = strawberry.field(description="When it happened; at most 5 minutes ahead of now.")
    provider: str | None = strawberry.field(default=None, description="Who ran the model, such as `openai`.")
    model: str = strawberry.field(description="The model.")
    operation: str | None = strawberry.field(default=None, description="The operation, such as `chat`.")
    subject: str | None = strawberry.field(default=None, description="Whom it was made for.")
    environment: str | None = strawberry.field(default=None, description="The environment, such as `prod`.")
    trace_id: str | None = strawberry.field(default=None, description="The trace it is part of.")
    session_id: str | None = strawberry.field(default=None, description="The session it is part of.")
    status: CallStatus | None = strawberry.field(default=CallStatus.OK, description="How it ended.")
    error: CallErrorInput | None = strawberry.field(default=None, description="Why it failed.")
    duration_ms: float | None = strawberry.field(default=None, description="How long it took.")
    time_to_first_token_ms: float | None = strawberry.field(default=None, description="How long it took to begin.")
    tokens: TokensInput | None = strawberry.field(default=None, description="Tokens in and out.")
    cost_usd: Decimal | None = strawberry.field(
        default=None,
        description="The provider's own figure in US dollars: refused when it can only be in another unit. Without it "
        "the cost comes from the price in force.",
    )
    estimated: bool | None = strawberry.field(default=None, description="Whether the usage is your estimate.")
    attributes: JSON | None = strawberry.field(
        default=None, description="An object with what else you know: 32 keys, 1 KiB a value."
    )
    service_tier: str | None = strawberry.field(
        default=None, description="The provider's service tier, such as `batch`, `flex` or `priority`."
    )
    raw_usage: JSON | None = strawberry.field(
        default=None,
        description="The usage object of the provider's answer, at most 4 KiB: kept, and read when `tokens` is absent.",
    )
    content: ContentInput | None = strawberry.field(
        default=None, description="Prompt and answer: stored where the project keeps content, dropped elsewhere."
    )


@strawberry.input(description="Model calls to record.")
class RecordUsageInput:
    events: list[UsageEventInput] = strawberry.field(description="At most 10,000.")


@strawberry.type
class UsageEventMutation:
    @strawberry.mutation(
        description="Records model calls. The good ones are stored, the bad ones are named.",
        extensions=[SENDS, REFUSALS],
    )
    async def record_usage(
        self,
        info: Info,
        input: Annotated[RecordUsageInput, strawberry.argument(description="What to record.")],  # noqa: A002
    ) -> RecordPayload:
        return await record_items(info, inputs.UsageEventInput, input.events, field="events")


@strawberry.type
class UsageEventQuery:
    @strawberry.field(description="Model calls of a period: newest time first, then commit order.", extensions=[READS])
    async def usage_events(
        self,
        info: Info,
        period: PeriodArgument,
        first: First,
        filter: Annotated[  # noqa: A002
            UsageFilter | None, strawberry.argument(description="What to keep.")
        ] = None,
        after: After = None,
    ) -> Connection[UsageEvent]:
        project_id = info.context.principal.project_id
        resolved, restricted = period.resolve(), filter.resolve() if filter else events.UsageFilter()
        await check_filters(info, restricted.attributes)
        limit, position = page_size(first) + 1, time_position(PLACE, after)
        total = None
        async with info.context.reading() as session:
            rows = await events.list_usage_events(
                session, project_id=project_id, period=resolved, filter=restricted, limit=limit, after=position
            )
            if any(field.name == "totalCount" for field in selected(info)):
                total = await events.count_usage_events(
                    session, project_id=project_id, period=resolved, filter=restricted
                )
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=UsageEvent.of,
            cursor=lambda fact: time_cursor(PLACE, fact),
            total_count=total,
        )
