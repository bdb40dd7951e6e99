"""What a sender may say: the two kinds of event as they travel, with the limits that the decoder holds by itself.

Names are camelCase on the wire. Null means the same as leaving a field out. What one field alone cannot tell (sums of
tokens, the range of time, sizes inside `attributes`) is in `checks`.
"""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct

MOST_EVENTS: Final = 10_000

ID: Final = 128
NAME: Final = 100
MODEL: Final = 200
SUBJECT: Final = 256
SESSION: Final = 256
TRACE: Final = 128
ROUTE: Final = 2000
"""Also in UTF-8 bytes: an entry of the roll-ups' index holds it whole, and PostgreSQL's end at 2,704."""
METHOD: Final = 16
ERROR_TYPE: Final = 200
ERROR_MESSAGE: Final = 4096
TOKENS: Final = 2**31 - 1
MILLISECONDS: Final = 10**9
BYTES: Final = 2**50
ATTRIBUTES: Final = 32
ATTRIBUTE_KEY: Final = 128

Time: TypeAlias = Annotated[dt.datetime, Meta(tz=True)]
Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=ID)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=NAME)]
Model: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MODEL)]
Subject: TypeAlias = Annotated[str, Meta(min_length=1, max_length=SUBJECT)]
Session: TypeAlias = Annotated[str, Meta(min_length=1, max_length=SESSION)]
Trace: TypeAlias = Annotated[str, Meta(min_length=1, max_length=TRACE)]
Route: TypeAlias = Annotated[str, Meta(min_length=1, max_length=ROUTE)]
Method: TypeAlias = Annotated[str, Meta(min_length=1, max_length=METHOD)]
ErrorType: TypeAlias = Annotated[str, Meta(min_length=1, max_length=ERROR_TYPE)]
ErrorMessage: TypeAlias = Annotated[str, Meta(min_length=1, max_length=ERROR_MESSAGE)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=TOKENS)]
Milliseconds: TypeAlias = Annotated[float, Meta(ge=0, le=MILLISECONDS)]
Bytes: TypeAlias = Annotated[int, Meta(ge=0, le=BYTES)]
HttpStatus: TypeAlias = Annotated[int, Meta(ge=100, le=599)]
Attributes: TypeAlias = Annotated[
    dict[Annotated[str, Meta(max_length=ATTRIBUTE_KEY)], Any], Meta(max_length=ATTRIBUTES)
]


class Tokens(Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """`input` includes what was read from and written to the cache, `output` includes reasoning.

    Both include their tokens of audio and of images.
    """

    input: Count | None = None
    output: Count | None = None
    cache_read: Count | None = None
    cache_write: Count | None = None
    reasoning: Count | None = None
    input_audio: Count | None = None
    output_audio: Count | None = None
    input_image: Count | None = None
    output_image: Count | None = None


class CallError(Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """Why a model call failed."""

    type: ErrorType
    message: ErrorMessage | None = None


class Content(Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """What went to the model and what came back: text, or any JSON, such as an array of messages."""

    input: Any = None
    output: Any = None


class UsageEventInput(Struct, rename="camel", forbid_unknown_fields=True, tag_field="type", tag="usage", gc=False):
    """One call of a model."""

    time: Time
    model: Model
    id: Id | None = None
    provider: Name | None = None
    operation: Name | None = None
    subject: Subject | None = None
    environment: Name | None = None
    trace_id: Trace | None = None
    session_id: Session | None = None
    status: Literal["ok", "error", "aborted"] | None = None
    error: CallError | None = None
    duration_ms: Milliseconds | None = None
    time_to_first_token_ms: Milliseconds | None = None
    tokens: Tokens | None = None
    cost_usd: Decimal | None = None
    estimated: bool | None = None
    attributes: Attributes | None = None
    service_tier: Name | None = None
    content: Content | None = None
    raw_usage: dict[str, Any] | None = None


class ApiCallInput(Struct, rename="camel", forbid_unknown_fields=True, tag_field="type", tag="apiCall", gc=False):
    """One request that the monitored product served."""

    time: Time
    method: Method
    route: Route
    status: HttpStatus
    id: Id | None = None
    duration_ms: Milliseconds | None = None
    request_bytes: Bytes | None = None
    response_bytes: Bytes | None = None
    subject: Subject | None = None
    environment: Name | None = None
    trace_id: Trace | None = None
    cache: Literal["hit", "miss", "none"] | None = None
    attributes: Attributes | None = None


EventInput: TypeAlias = UsageEventInput | ApiCallInput
