"""What attributes of spans and resources mean: one table of names, by convention.

Where several attributes of a span mean the same, the convention that stands first counts, and within it the name that
stands first. A change of the table raises VERSION.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

VERSION: Final = 1


class Field(StrEnum):
    """What an attribute tells of a call. The values stand in the documentation."""

    SUBJECT = "subject"
    SESSION = "sessionId"
    ENVIRONMENT = "environment"
    CACHE = "cache"
    OPERATION = "operation"
    KIND = "whether it is a model call"
    STEP = "that it is no model call"
    PROVIDER = "provider"
    MODEL = "model"
    REQUESTED_MODEL = "model, when no other is named"
    PARAMETERS = "model, in the JSON of the request"
    INPUT = "tokens.input"
    OUTPUT = "tokens.output"
    TOTAL = "total of tokens"
    CACHE_READ = "tokens.cacheRead"
    CACHE_WRITE = "tokens.cacheWrite"
    CACHE_READ_AS_BILLED = "tokens.cacheRead, by the provider's name"
    CACHE_WRITE_AS_BILLED = "tokens.cacheWrite, by the provider's name"
    REASONING = "tokens.reasoning"
    INPUT_AUDIO = "tokens.inputAudio"
    OUTPUT_AUDIO = "tokens.outputAudio"
    INPUT_IMAGE = "tokens.inputImage"
    OUTPUT_IMAGE = "tokens.outputImage"
    COST = "costUsd"
    TIER = "serviceTier"
    FIRST_SECONDS = "timeToFirstTokenMs, in seconds"
    FIRST_MILLISECONDS = "timeToFirstTokenMs"
    STREAM = "whether it was streamed"
    FINISH = "why it finished"
    ERROR = "error.type"
    SENT = "content.input"
    RECEIVED = "content.output"
    METHOD = "method"
    ORIGINAL_METHOD = "method, as it was sent"
    ROUTE = "route"
    PATH = "route, without the query, when no template is named"
    STATUS = "status"
    REQUEST_BYTES = "requestBytes"
    RESPONSE_BYTES = "responseBytes"


TOKENS: Final = frozenset(
    {
        Field.INPUT,
        Field.OUTPUT,
        Field.TOTAL,
        Field.CACHE_READ,
        Field.CACHE_WRITE,
        Field.CACHE_READ_AS_BILLED,
        Field.CACHE_WRITE_AS_BILLED,
        Field.REASONING,
        Field.INPUT_AUDIO,
        Field.OUTPUT_AUDIO,
        Field.INPUT_IMAGE,
        Field.OUTPUT_IMAGE,
    }
)
NUMBERS: Final = TOKENS | {
    Field.COST,
    Field.FIRST_SECONDS,
    Field.FIRST_MILLISECONDS,
    Field.STATUS,
    Field.REQUEST_BYTES,
    Field.RESPONSE_BYTES,
}
"""What is a number; all else is text."""
CONTENT: Final = frozenset({Field.SENT, Field.RECEIVED})
TELLING: Final = frozenset({Field.KIND, Field.OPERATION, Field.MODEL, Field.REQUESTED_MODEL, Field.METHOD})
"""Without any of them a span is neither a model call nor a served request."""


@dataclass(frozen=True, slots=True)
class Convention:
    """The names that somebody gives to attributes, the better one of two first."""

    name: str
    fields: Mapping[str, Field]


CONVENTIONS: Final = (
    Convention(
        "Vigie",
        {
            "vigie.subject": Field.SUBJECT,
            "vigie.session": Field.SESSION,
            "vigie.environment": Field.ENVIRONMENT,
            "vigie.cache": Field.CACHE,
        },
    ),
    Convention(
        "OpenTelemetry, general",
        {
            "enduser.id": Field.SUBJECT,
            "user.id": Field.SUBJECT,
            "enduser.pseudo.id": Field.SUBJECT,
            "session.id": Field.SESSION,
            "deployment.environment.name": Field.ENVIRONMENT,
            "deployment.environment": Field.ENVIRONMENT,
            "error.type": Field.ERROR,
        },
    ),
    Convention(
        "OpenTelemetry GenAI",
        {
            "gen_ai.operation.name": Field.OPERATION,
            "gen_ai.provider.name": Field.PROVIDER,
            "gen_ai.response.model": Field.MODEL,
            "gen_ai.request.model": Field.REQUESTED_MODEL,
            "gen_ai.usage.input_tokens": Field.INPUT,
            "gen_ai.usage.output_tokens": Field.OUTPUT,
            "gen_ai.usage.cache_read.input_tokens": Field.CACHE_READ,
            "gen_ai.usage.cache_creation.input_tokens": Field.CACHE_WRITE,
            "gen_ai.usage.cache_write.input_tokens": Field.CACHE_WRITE,
            "gen_ai.usage.reasoning.output_tokens": Field.REASONING,
            "gen_ai.usage.audio.input_tokens": Field.INPUT_AUDIO,
            "gen_ai.usage.audio.output_tokens": Field.OUTPUT_AUDIO,
            "gen_ai.usage.image.input_tokens": Field.INPUT_IMAGE,
            "gen_ai.usage.image.output_tokens": Field.OUTPUT_IMAGE,
            "gen_ai.conversation.id": Field.SESSION,
            "gen_ai.response.time_to_first_chunk": Field.FIRST_SECONDS,
            "gen_ai.server.time_to_first_token": Field.FIRST_SECONDS,
            "gen_ai.request.stream": Field.STREAM,
            "gen_ai.response.finish_reasons": Field.FINISH,
            "openai.response.service_tier": Field.TIER,
            "openai.request.service_tier": Field.TIER,
            "gen_ai.input.messages": Field.SENT,
            "gen_ai.output.messages": Field.RECEIVED,
        },
    ),
    Convention(
        "OpenTelemetry GenAI, before 1.37",
        {
            "gen_ai.system": Field.PROVIDER,
            "gen_ai.usage.prompt_tokens": Field.INPUT,
            "gen_ai.usage.completion_tokens": Field.OUTPUT,
            "gen_ai.usage.total_tokens": Field.TOTAL,
            "gen_ai.usage.reasoning_tokens": Field.REASONING,
            "gen_ai.latency.time_to_first_token": Field.FIRST_SECONDS,
            "gen_ai.openai.response.service_tier": Field.TIER,
            "gen_ai.openai.request.service_tier": Field.TIER,
            "gen_ai.usage.cost": Field.COST,
            "gen_ai.prompt": Field.SENT,
            "gen_ai.completion": Field.RECEIVED,
        },
    ),
    Convention(
        "Names of providers under `gen_ai.usage`",
        {
            "gen_ai.usage.cache_read_input_tokens": Field.CACHE_READ_AS_BILLED,
            "gen_ai.usage.cache_creation_input_tokens": Field.CACHE_WRITE_AS_BILLED,
            "gen_ai.usage.details.cache_read_input_tokens": Field.CACHE_READ_AS_BILLED,
            "gen_ai.usage.details.cache_creation_input_tokens": Field.CACHE_WRITE_AS_BILLED,
            "gen_ai.usage.details.cache_read_tokens": Field.CACHE_READ,
            "gen_ai.usage.details.cache_write_tokens": Field.CACHE_WRITE,
            "gen_ai.usage.details.cached_tokens": Field.CACHE_READ,
            "gen_ai.usage.details.reasoning_tokens": Field.REASONING,
        },
    ),
    Convention(
        "OpenInference",
        {
            "openinference.span.kind": Field.KIND,
            "llm.provider": Field.PROVIDER,
            "llm.system": Field.PROVIDER,
            "llm.response.model_name": Field.MODEL,
            "llm.model_name": Field.MODEL,
            "embedding.model_name": Field.MODEL,
            "llm.request.model_name": Field.REQUESTED_MODEL,
            "llm.invocation_parameters": Field.PARAMETERS,
            "embedding.invocation_parameters": Field.PARAMETERS,
            "llm.token_count.prompt": Field.INPUT,
            "llm.token_count.completion": Field.OUTPUT,
            "llm.token_count.total": Field.TOTAL,
            "llm.token_count.prompt_details.cache_read": Field.CACHE_READ,
            "llm.token_count.prompt_details.cache_input": Field.CACHE_READ,
            "llm.token_count.prompt_details.cache_write": Field.CACHE_WRITE,
            "llm.token_count.prompt_details.audio": Field.INPUT_AUDIO,
            "llm.token_count.completion_details.reasoning": Field.REASONING,
            "llm.token_count.completion_details.audio": Field.OUTPUT_AUDIO,
            "llm.cost.total": Field.COST,
            "llm.finish_reason": Field.FINISH,
            "input.value": Field.SENT,
            "output.value": Field.RECEIVED,
        },
    ),
    Convention(
        "OpenLLMetry",
        {
            "traceloop.span.kind": Field.STEP,
            "traceloop.association.properties.user_id": Field.SUBJECT,
            "traceloop.association.properties.session_id": Field.SESSION,
            "llm.request.type": Field.OPERATION,
            "llm.vendor": Field.PROVIDER,
            "llm.response.model": Field.MODEL,
            "llm.request.model": Field.REQUESTED_MODEL,
            "llm.usage.prompt_tokens": Field.INPUT,
            "llm.usage.completion_tokens": Field.OUTPUT,
            "llm.usage.total_tokens": Field.TOTAL,
            "llm.usage.reasoning_tokens": Field.REASONING,
            "llm.usage.cache_read_input_tokens": Field.CACHE_READ_AS_BILLED,
            "llm.usage.cache_creation_input_tokens": Field.CACHE_WRITE_AS_BILLED,
            "llm.is_streaming": Field.STREAM,
            "llm.response.finish_reason": Field.FINISH,
        },
    ),
    Convention("Vercel AI SDK", {"ai.response.msToFirstChunk": Field.FIRST_MILLISECONDS}),
    Convention(
        "OpenTelemetry HTTP",
        {
            "http.request.method": Field.METHOD,
            "http.request.method_original": Field.ORIGINAL_METHOD,
            "http.route": Field.ROUTE,
            "url.path": Field.PATH,
            "http.response.status_code": Field.STATUS,
            "http.request.body.size": Field.REQUEST_BYTES,
            "http.response.body.size": Field.RESPONSE_BYTES,
            "http.request.header.content-length": Field.REQUEST_BYTES,
            "http.response.header.content-length": Field.RESPONSE_BYTES,
        },
    ),
    Convention(
        "OpenTelemetry HTTP, before 1.23",
        {
            "http.method": Field.METHOD,
            "http.target": Field.PATH,
            "http.url": Field.PATH,
            "http.status_code": Field.STATUS,
            "http.request_content_length": Field.REQUEST_BYTES,
            "http.response_content_length": Field.RESPONSE_BYTES,
            "http.request.header.content_length": Field.REQUEST_BYTES,
            "http.response.header.content_length": Field.RESPONSE_BYTES,
        },
    ),
)

KEPT_PREFIX: Final = "vigie.attributes."
"""What stands behind it in a name is a key of the event's `attributes`."""
KEPT: Final = frozenset(
    {
        "service.name",
        "service.version",
        "gen_ai.agent.name",
        "gen_ai.prompt.name",
        "gen_ai.request.model",
        "gen_ai.response.finish_reasons",
        "llm.finish_reason",
    }
)
"""Attributes that are kept under their own name: short, and never a prompt or an answer."""

SIDES: Final = {
    "gen_ai.prompt.": "input",
    "gen_ai.completion.": "output",
    "llm.input_messages.": "input",
    "llm.output_messages.": "output",
}
"""Parts of messages, by the beginning of the attribute: a message's number follows, then what is said of it."""
FIRST_TOKEN_EVENTS: Final = frozenset(
    {"First Token Stream Event", "llm.content.completion.chunk", "ai.stream.firstChunk", "gen_ai.first_token"}
)
"""Events of a span that say when the answer began."""
EXCEPTION: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"


class Meaning(NamedTuple):
    """What an attribute tells (None: it is only kept), how good its name is (less is better), what is kept of it."""

    field: Field | None
    rank: int
    kept: bool
    is_count: bool


def _meanings() -> dict[str, Meaning]:
    names = {name: field for convention in CONVENTIONS for name, field in convention.fields.items()}
    meanings = {
        name: Meaning(field, rank, name in KEPT, field in TOKENS) for rank, (name, field) in enumerate(names.items())
    }
    return meanings | {name: Meaning(None, 0, True, False) for name in KEPT - names.keys()}


MEANINGS: Final = _meanings()
"""By the name of the attribute."""
