"""Tokens count the same however a provider reports them."""

from typing import Any

import pytest

from resolvers.events.inputs import Tokens
from resolvers.events.rejections import Refused
from resolvers.events.usage import tokens_of, tokens_of_raw


def counts(tokens: Tokens) -> tuple[int, int, int, int, int]:
    """Input, output, cache read, cache write, reasoning."""
    return (
        tokens.input or 0,
        tokens.output or 0,
        tokens.cache_read or 0,
        tokens.cache_write or 0,
        tokens.reasoning or 0,
    )


def meant(*, total: int | None = None, cached_beside: bool = False, **said: int) -> Tokens:
    return tokens_of(Tokens(**said), total=total, cached_beside=cached_beside)


@pytest.mark.parametrize(
    "said",
    [
        {"input": 130_000, "output": 213, "cache_read": 128_000},
        {"input": 130_000, "output": 213, "cache_read": 128_000, "total": 130_213},
        {"input": 2_000, "output": 213, "cache_read": 128_000},
        {"input": 2_000, "output": 213, "cache_read": 128_000, "total": 130_213},
        {"input": 2_000, "output": 213, "cache_read": 128_000, "cached_beside": True},
        {"output": 213, "cache_read": 128_000, "total": 130_213},
        {"input": 130_000, "cache_read": 128_000, "total": 130_213},
        {"input": 2_000, "cache_read": 128_000, "total": 130_213},
    ],
)
def test_the_published_case_counts_as_130_213_tokens(said: dict[str, Any]) -> None:
    assert counts(meant(**said)) == (130_000, 213, 128_000, 0, 0)


@pytest.mark.parametrize(
    "said",
    [
        {"input": 70_000, "output": 213, "cache_read": 60_213, "total": 130_426},
        {"input": 70_000, "output": 213, "cache_read": 60_213, "cached_beside": True},
        {"input": 130_213, "output": 213, "cache_read": 60_213, "total": 130_426},
        {"input": 130_213, "output": 213, "cache_read": 60_213, "total": 130_426, "cached_beside": True},
    ],
)
def test_a_total_tells_where_cached_tokens_are_when_both_could_be(said: dict[str, Any]) -> None:
    assert counts(meant(**said)) == (130_213, 213, 60_213, 0, 0)


def test_a_total_that_fits_nothing_changes_nothing() -> None:
    assert counts(meant(input=100, output=10, cache_read=50, total=7)) == (100, 10, 50, 0, 0)


def test_reasoning_larger_than_the_output_is_beside_it() -> None:
    assert counts(meant(input=10, output=5, reasoning=50)) == (10, 55, 0, 0, 50)
    assert counts(meant(input=10, output=50, reasoning=50, total=110)) == (10, 100, 0, 0, 50)


def test_what_is_not_said_is_nothing() -> None:
    assert counts(meant()) == (0, 0, 0, 0, 0)
    assert counts(meant(total=8)) == (8, 0, 0, 0, 0)


RAW: list[tuple[dict[str, Any], tuple[int, int, int, int, int]]] = [
    (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 60,
            "total_tokens": 1060,
            "prompt_tokens_details": {"cached_tokens": 800, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 20, "accepted_prediction_tokens": 0},
        },
        (1000, 60, 800, 0, 20),
    ),
    ({"prompt_tokens": 8, "total_tokens": 8}, (8, 0, 0, 0, 0)),
    ({"prompt_tokens": 8, "completion_tokens": 2, "prompt_tokens_details": None}, (8, 2, 0, 0, 0)),
    (
        {
            "input_tokens": 1000,
            "input_tokens_details": {"cached_tokens": 800, "cache_write_tokens": 100},
            "output_tokens": 60,
            "output_tokens_details": {"reasoning_tokens": 20},
            "total_tokens": 1060,
        },
        (1000, 60, 800, 100, 20),
    ),
    (
        {
            "input_tokens": 2000,
            "cache_creation_input_tokens": 28_000,
            "cache_read_input_tokens": 100_000,
            "cache_creation": {"ephemeral_5m_input_tokens": 28_000, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 213,
            "service_tier": "standard",
        },
        (130_000, 213, 100_000, 28_000, 0),
    ),
    (
        {
            "input_tokens": 2000,
            "cache_read_input_tokens": 1000,
            "cache_creation_input_tokens": None,
            "output_tokens": 9,
        },
        (3000, 9, 1000, 0, 0),
    ),
    ({"input_tokens": 20, "output_tokens": 10}, (20, 10, 0, 0, 0)),
    (
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 60,
            "candidatesTokenCount": 20,
            "thoughtsTokenCount": 15,
            "toolUsePromptTokenCount": 5,
            "totalTokenCount": 140,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
        },
        (105, 35, 60, 0, 15),
    ),
    ({"prompt_token_count": 100, "candidates_token_count": 20, "total_token_count": 120}, (100, 20, 0, 0, 0)),
    (
        {"inputTokens": 2000, "cacheReadInputTokens": 1000, "outputTokens": 213, "totalTokens": 3213},
        (3000, 213, 1000, 0, 0),
    ),
    ({"inputTokens": 30, "outputTokens": 628, "totalTokens": 658}, (30, 628, 0, 0, 0)),
]


@pytest.mark.parametrize(("usage", "expected"), RAW)
def test_a_providers_usage_object_is_read(usage: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert counts(tokens_of_raw(usage)) == expected


def test_audio_and_images_are_read() -> None:
    details = [{"modality": "AUDIO", "tokenCount": 40}, {"modality": "IMAGE", "tokenCount": 258}]
    tokens = tokens_of_raw({"promptTokenCount": 300, "candidatesTokenCount": 5, "promptTokensDetails": details})
    assert (tokens.input_audio, tokens.input_image) == (40, 258)
    tokens = tokens_of_raw({"prompt_tokens": 50, "prompt_tokens_details": {"audio_tokens": 40}})
    assert tokens.input_audio == 40


@pytest.mark.parametrize(
    "usage",
    [
        {"tokens": 3},
        {"prompt_tokens": -1},
        {"prompt_tokens": "3"},
        {"prompt_tokens": True},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": 2**31},
        {"input_tokens": 2**31 - 1, "cache_read_input_tokens": 2**31 - 1},
    ],
)
def test_what_is_no_usage_is_refused(usage: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        tokens_of_raw(usage)
