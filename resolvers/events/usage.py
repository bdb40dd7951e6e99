"""Tokens as this project counts them, from what providers and instrumentations report.

`input` includes cached tokens and `output` includes reasoning. Who reports them beside is converted here, once, for
every door. What was reported stays in `raw_usage`.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from msgspec.structs import replace

from resolvers.events.attributes import json_text
from resolvers.events.inputs import TOKENS, Tokens
from resolvers.events.rejections import Refused, unfit

RAW_BYTES: Final = 4096


def tokens_of(
    said: Tokens, *, total: int | None = None, cached_beside: bool = False, reasoning_beside: bool = False
) -> Tokens:
    """The tokens that are meant by what somebody reports, which are the same where it counts as we do.

    `cached_beside` and `reasoning_beside` tell how this reporter is known to count: beside `input` and `output`, or as
    parts of them. `total`, when there is one, knows better. Raises Refused for what is more than a count may be.

    Cached tokens cannot be part of a smaller `input`, nor reasoning of a smaller `output`: they are beside it then.
    Otherwise they are where the total says, and without a total that fits, where the reporter is known to count them.
    """
    before, after, reasoning = said.input, said.output, said.reasoning or 0
    cached = (said.cache_read or 0) + (said.cache_write or 0)
    if before is None and total is not None:
        before = max(total - (after or 0), 0)
    before = before or 0
    if after is None and total is not None:
        after = max(total - before - (cached if cached > before else 0), 0)
    after = after or 0
    cached_beside = cached > before or (cached_beside and cached > 0)
    reasoning_beside = reasoning > after or (reasoning_beside and reasoning > 0)
    if total is not None:
        ways = product(
            (cached_beside,) if cached > before else (cached_beside, not cached_beside),
            (reasoning_beside,) if reasoning > after else (reasoning_beside, not reasoning_beside),
        )
        fits = (way for way in ways if before + cached * way[0] + after + reasoning * way[1] == total)
        cached_beside, reasoning_beside = next(fits, (cached_beside, reasoning_beside))
    before += cached * cached_beside
    after += reasoning * reasoning_beside
    if before == (said.input or 0) and after == (said.output or 0):
        return said
    if before > TOKENS or after > TOKENS:
        raise unfit("tokens.input" if before > TOKENS else "tokens.output")
    return replace(said, input=before, output=after)


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a kind of usage object has its counts: dotted paths, of which the first that is there counts.

    `mark` is a name that tells the kind, `more_input` a count that neither `input` nor its cached part includes.
    """

    mark: str
    input: tuple[str, ...]
    output: tuple[str, ...]
    total: tuple[str, ...] = ()
    cache_read: tuple[str, ...] = ()
    cache_write: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    input_audio: tuple[str, ...] = ()
    output_audio: tuple[str, ...] = ()
    input_image: tuple[str, ...] = ()
    output_image: tuple[str, ...] = ()
    more_input: tuple[str, ...] = ()
    cached_beside: bool = False
    reasoning_beside: bool = False

    def read(self, usage: dict[str, Any]) -> Tokens:
        """The tokens that a usage object means. Raises Refused for what is no count."""
        more = _count(usage, self.more_input) or 0
        before = _count(usage, self.input)
        said = Tokens(
            input=before + more if before is not None else more or None,
            output=_count(usage, self.output),
            cache_read=_count(usage, self.cache_read),
            cache_write=_count(usage, self.cache_write),
            reasoning=_count(usage, self.reasoning),
            input_audio=_count(usage, self.input_audio),
            output_audio=_count(usage, self.output_audio),
            input_image=_count(usage, self.input_image),
            output_image=_count(usage, self.output_image),
        )
        return tokens_of(
            said,
            total=_count(usage, self.total),
            cached_beside=self.cached_beside,
            reasoning_beside=self.reasoning_beside,
        )


OPENAI_CHAT: Final = Shape(
    mark="prompt_tokens",
    input=("prompt_tokens",),
    output=("completion_tokens",),
    total=("total_tokens",),
    cache_read=("prompt_tokens_details.cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"),
    cache_write=("prompt_tokens_details.cache_write_tokens", "cache_creation_input_tokens"),
    reasoning=("completion_tokens_details.reasoning_tokens",),
    input_audio=("prompt_tokens_details.audio_tokens",),
    output_audio=("completion_tokens_details.audio_tokens",),
    input_image=("prompt_tokens_details.image_tokens",),
    output_image=("completion_tokens_details.image_tokens",),
)
"""Chat completions, completions and embeddings of OpenAI, and of all who speak like it."""

ANTHROPIC: Final = Shape(
    mark="input_tokens",
    input=("input_tokens",),
    output=("output_tokens",),
    cache_read=("cache_read_input_tokens",),
    cache_write=("cache_creation_input_tokens",),
    reasoning=("output_tokens_details.thinking_tokens",),
    cached_beside=True,
)

OPENAI_RESPONSES: Final = Shape(
    mark="input_tokens",
    input=("input_tokens",),
    output=("output_tokens",),
    total=("total_tokens",),
    cache_read=("input_tokens_details.cached_tokens", "input_token_details.cached_tokens"),
    cache_write=("input_tokens_details.cache_write_tokens", "input_token_details.cache_write_tokens"),
    reasoning=("output_tokens_details.reasoning_tokens", "output_token_details.reasoning_tokens"),
    input_audio=("input_tokens_details.audio_tokens", "input_token_details.audio_tokens"),
    output_audio=("output_tokens_details.audio_tokens", "output_token_details.audio_tokens"),
    input_image=("input_tokens_details.image_tokens", "input_token_details.image_tokens"),
    output_image=("output_tokens_details.image_tokens", "output_token_details.image_tokens"),
)
"""Responses and images of OpenAI; sessions of the realtime API write `token_details`."""

GEMINI: Final = Shape(
    mark="promptTokenCount",
    input=("promptTokenCount",),
    output=("candidatesTokenCount", "responseTokenCount"),
    total=("totalTokenCount",),
    cache_read=("cachedContentTokenCount",),
    reasoning=("thoughtsTokenCount",),
    input_audio=("promptTokensDetails.AUDIO",),
    output_audio=("candidatesTokensDetails.AUDIO", "responseTokensDetails.AUDIO"),
    input_image=("promptTokensDetails.IMAGE",),
    output_image=("candidatesTokensDetails.IMAGE", "responseTokensDetails.IMAGE"),
    more_input=("toolUsePromptTokenCount",),
    reasoning_beside=True,
)

GEMINI_IN_PYTHON: Final = Shape(
    mark="prompt_token_count",
    input=("prompt_token_count",),
    output=("candidates_token_count", "response_token_count"),
    total=("total_token_count",),
    cache_read=("cached_content_token_count",),
    reasoning=("thoughts_token_count",),
    input_audio=("prompt_tokens_details.AUDIO",),
    output_audio=("candidates_tokens_details.AUDIO", "response_tokens_details.AUDIO"),
    input_image=("prompt_tokens_details.IMAGE",),
    output_image=("candidates_tokens_details.IMAGE", "response_tokens_details.IMAGE"),
    more_input=("tool_use_prompt_token_count",),
    reasoning_beside=True,
)

BEDROCK: Final = Shape(
    mark="inputTokens",
    input=("inputTokens",),
    output=("outputTokens",),
    total=("totalTokens",),
    cache_read=("cacheReadInputTokens", "cacheReadInputTokenCount"),
    cache_write=("cacheWriteInputTokens", "cacheWriteInputTokenCount"),
    cached_beside=True,
)
"""Amazon Bedrock's Converse."""

ANTHROPIC_ONLY: Final = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
SHAPES: Final = (OPENAI_CHAT, GEMINI, GEMINI_IN_PYTHON, BEDROCK)
KNOWN: Final = "OpenAI chat completions, responses and embeddings, Anthropic messages, Gemini and Bedrock Converse"


def raw_json(usage: dict[str, Any]) -> str:
    """A provider's usage object as JSON text. Raises Refused for what nobody could store or read."""
    return json_text("rawUsage", usage, RAW_BYTES)


def tokens_of_raw(usage: dict[str, Any]) -> Tokens:
    """The tokens of a provider's own usage object, told by its names. Raises Refused for one that is not known."""
    shape = next((shape for shape in SHAPES if shape.mark in usage), None)
    if shape is None and ANTHROPIC.mark in usage:
        # Both say `input_tokens`, only Anthropic says what it cached beside them.
        shape = ANTHROPIC if ANTHROPIC_ONLY & usage.keys() else OPENAI_RESPONSES
    if shape is None:
        raise Refused(
            "rawUsage", f"`rawUsage` is not a usage object that Vigie reads ({KNOWN}): give `tokens` beside it."
        )
    return shape.read(usage)


def _count(usage: dict[str, Any], paths: tuple[str, ...]) -> int | None:
    for path in paths:
        value: Any = usage
        for name in path.split("."):
            value = _of_modality(value, name) if isinstance(value, list) else _member(value, name)
        if value is None:
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int or not 0 <= value <= TOKENS:
            raise Refused("rawUsage", f"`{path}` in `rawUsage` must be a whole number from 0 to {TOKENS}.")
        return value
    return None


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _of_modality(details: list[Any], modality: str) -> Any:
    """What Gemini's list of details says of one modality."""
    for item in details:
        if isinstance(item, dict) and item.get("modality") == modality:
            return item.get("tokenCount", item.get("token_count"))
    return None
