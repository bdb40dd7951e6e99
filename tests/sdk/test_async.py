"""The same with `AsyncOpenAI`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import APITimeoutError, AsyncOpenAI, RateLimitError

from tests.openai_api import OpenAIApi
from tests.sdk.conftest import Kept
from vigie_sdk import context, track


@pytest.fixture
async def aclient(api: OpenAIApi, kept: Kept) -> AsyncIterator[AsyncOpenAI]:
    async with track(AsyncOpenAI(base_url=api.url, api_key="sk-tests", max_retries=0), vigie=kept) as client:
        yield client


async def test_calls_are_recorded(aclient: AsyncOpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    assert type(aclient) is AsyncOpenAI
    await aclient.chat.completions.create(model="gpt-4o+cached=100", **ask)
    assert kept.one()["rawUsage"]["prompt_tokens_details"]["cached_tokens"] == 100
    await aclient.responses.create(model="gpt-4o", input="Which ships?")
    assert kept.one()["rawUsage"]["input_tokens"] == 374
    await aclient.with_options(timeout=9).embeddings.create(model="text-embedding-3-small", input="ship")
    assert kept.one()["operation"] == "embeddings"
    with pytest.raises(RateLimitError):
        await aclient.chat.completions.create(model="gpt-4o+fail=429", **ask)
    assert kept.one()["error"]["type"] == "RateLimitError"


async def test_a_stream_is_recorded(aclient: AsyncOpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    stream = await aclient.chat.completions.create(model="gpt-4o", stream=True, **ask)
    assert [bool(chunk.choices) async for chunk in stream] == [True] * 7
    assert (event := kept.one())["rawUsage"]["prompt_tokens"] == 374
    assert event["timeToFirstTokenMs"] > 0
    async with aclient.chat.completions.stream(model="gpt-4o", **ask) as helper:
        assert (await helper.get_final_completion()).choices
    assert kept.one()["status"] == "ok"


async def test_a_stream_that_is_left_is_aborted(aclient: AsyncOpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    async with await aclient.chat.completions.create(model="gpt-4o+endless", stream=True, **ask) as stream:
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    assert (event := kept.one())["status"] == "aborted"
    assert event["estimated"]
    async for _ in await aclient.chat.completions.create(model="gpt-4o+endless", stream=True, **ask):
        break
    await asyncio.sleep(0.05)  # asyncio ends a forgotten generator in a task
    assert kept.one()["status"] == "aborted"


@pytest.mark.parametrize("how", ["gpt-4o+delay=5", "gpt-4o+endless"])
async def test_who_does_not_wait_aborts(aclient: AsyncOpenAI, kept: Kept, ask: dict[str, Any], how: str) -> None:
    async def read() -> None:
        async for _ in await aclient.chat.completions.create(model=how, stream=True, **ask):
            pass

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(), 0.2)
    event = kept.one()
    assert (event["status"], event["estimated"], event["tokens"]["input"]) == ("aborted", True, 9)


async def test_a_timeout_of_the_client_is_an_error(aclient: AsyncOpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    with pytest.raises(APITimeoutError):
        await aclient.chat.completions.create(model="gpt-4o+delay=5", timeout=0.1, **ask)
    event = kept.one()
    assert (event["status"], event["error"]["type"]) == ("error", "APITimeoutError")


async def test_raw_responses_are_recorded(aclient: AsyncOpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    raw = await aclient.chat.completions.with_raw_response.create(model="gpt-4o", stream=True, **ask)
    assert len([chunk async for chunk in raw.parse()]) == 7
    assert kept.one()["rawUsage"]["prompt_tokens"] == 374
    async with aclient.chat.completions.with_streaming_response.create(model="gpt-4o", **ask) as response:
        assert (await response.parse()).choices
    assert kept.one()["rawUsage"]["prompt_tokens"] == 374


async def test_labels_are_those_of_the_task(aclient: AsyncOpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    async def of(subject: str) -> None:
        with context(subject=subject):
            await aclient.chat.completions.create(model=f"{subject}+delay=0.05", **ask)

    await asyncio.gather(of("alice"), of("bob"))
    assert {event["subject"]: event["model"] for event in kept.events} == {"alice": "alice", "bob": "bob"}
