"""Streams: read to their end, left, broken, closed by somebody else, forgotten."""

import gc
import threading
import time
from typing import Any

import pytest
from openai import APIConnectionError, OpenAI, Stream

from tests.openai_api import OpenAIApi
from tests.sdk.conftest import Kept


def test_usage_is_asked_for_and_hidden(
    client: OpenAI, original: OpenAI, api: OpenAIApi, kept: Kept, ask: dict[str, Any]
) -> None:
    with_us = list(client.chat.completions.create(model="gpt-4o+cached=100+reasoning=20", stream=True, **ask))
    assert api.asked[-1].body["stream_options"] == {"include_usage": True}
    without = list(original.chat.completions.create(model="gpt-4o+cached=100+reasoning=20", stream=True, **ask))
    assert "stream_options" not in api.asked[-1].body
    same = [{**chunk.to_dict(), "created": 0} for chunk in without]
    assert [{**chunk.to_dict(), "created": 0} for chunk in with_us] == same
    event = kept.one()
    assert (event["status"], event["estimated"]) == ("ok", None)
    assert event["rawUsage"]["prompt_tokens_details"]["cached_tokens"] == 100
    assert event["rawUsage"]["completion_tokens_details"]["reasoning_tokens"] == 20
    assert 0 < event["timeToFirstTokenMs"] <= event["durationMs"]


def test_usage_that_the_caller_asked_for_is_shown(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    options: Any = {"include_usage": True}
    *_, last = client.chat.completions.create(model="gpt-4o", stream=True, stream_options=options, **ask)
    assert last.usage
    assert last.usage.prompt_tokens == kept.one()["rawUsage"]["prompt_tokens"]


def test_other_wishes_for_a_stream_are_kept(client: OpenAI, api: OpenAIApi, kept: Kept, ask: dict[str, Any]) -> None:
    options: Any = {"include_obfuscation": False}
    assert all(
        chunk.choices
        for chunk in client.chat.completions.create(model="gpt-4o", stream=True, stream_options=options, **ask)
    )
    assert api.asked[-1].body["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert kept.one()["status"] == "ok"


def test_a_stream_that_is_broken_out_of_is_aborted_at_once(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    gc.disable()  # nobody waits for the collector
    try:
        for chunk in client.chat.completions.create(model="gpt-4o+endless", stream=True, **ask):
            if chunk.choices[0].delta.content:
                break
        event = kept.one()
    finally:
        gc.enable()
    assert (event["status"], event["estimated"], event["error"]) == ("aborted", True, None)
    assert event["tokens"] == {"input": 9, "output": 2}


def test_a_closed_stream_is_aborted(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    with client.chat.completions.create(model="gpt-4o+endless", stream=True, **ask) as stream:
        assert isinstance(stream, Stream)
        next(stream)
    assert kept.one()["status"] == "aborted"
    client.chat.completions.create(model="gpt-4o+endless", stream=True, **ask).close()
    assert kept.one()["status"] == "aborted"


def test_a_loop_that_is_left_can_be_taken_up_again(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    stream = client.chat.completions.create(model="gpt-4o+words=3", stream=True, **ask)
    first = next(iter(stream))
    assert kept.events == []
    assert [chunk.choices[0].delta.content for chunk in (first, *stream)] == ["", "word0 ", "word1 ", "word2 ", None]
    assert kept.one()["status"] == "ok"


def test_a_stream_left_after_its_last_word_is_whole(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    with client.chat.completions.create(model="gpt-4o", stream=True, **ask) as stream:
        for chunk in stream:
            if chunk.choices[0].finish_reason:
                break
    event = kept.one()
    assert (event["status"], event["estimated"]) == ("ok", True)


def test_a_broken_stream_is_an_error(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    with pytest.raises(APIConnectionError):
        list(client.chat.completions.create(model="gpt-4o+broken", stream=True, **ask))
    event = kept.one()
    assert (event["status"], event["error"]["type"], event["estimated"]) == ("error", "APIConnectionError", True)
    assert event["tokens"]["output"] == 5


def test_a_stream_that_another_thread_closes_is_aborted(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    stream = client.chat.completions.create(model="gpt-4o+words=3+pause=0.4", stream=True, **ask)

    def read() -> None:
        try:
            list(stream)
        except Exception:  # noqa: BLE001 — whatever the transport makes of it
            return

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.2)
    stream.close()
    reader.join()
    assert kept.one()["status"] == "aborted"


def test_a_streamed_response_is_recorded(client: OpenAI, kept: Kept) -> None:
    *_, last = client.responses.create(model="gpt-4o+cached=100+reasoning=20", input="Which ships?", stream=True)
    assert last.type == "response.completed"
    event = kept.one()
    assert (event["status"], event["model"], event["serviceTier"]) == ("ok", "gpt-4o", "default")
    assert event["rawUsage"]["input_tokens_details"]["cached_tokens"] == 100
    assert event["rawUsage"]["output_tokens_details"]["reasoning_tokens"] == 20
    assert event["timeToFirstTokenMs"] > 0


def test_a_response_that_is_left_is_aborted(client: OpenAI, kept: Kept) -> None:
    with client.responses.stream(model="gpt-4o+endless", input="Which ships?") as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                break
    recorded = kept.one()
    assert (recorded["status"], recorded["estimated"]) == ("aborted", True)
    assert recorded["tokens"] == {"input": 3, "output": 2}


def test_the_helper_of_chat_is_recorded(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    with client.chat.completions.stream(model="gpt-4o", **ask) as stream:
        assert stream.get_final_completion().choices[0].message.content == "word0 word1 word2 word3 word4 "
    assert kept.one()["rawUsage"]["prompt_tokens"] == 374
    with client.chat.completions.stream(model="gpt-4o+endless", **ask) as stream:
        next(iter(stream))
    assert kept.one()["status"] == "aborted"


def test_a_stream_behind_a_raw_response_is_recorded(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", stream=True, **ask)
    assert all(chunk.choices for chunk in raw.parse())
    assert kept.one()["rawUsage"]["prompt_tokens"] == 374


def test_bytes_of_a_stream_are_left_as_they_are(
    client: OpenAI, api: OpenAIApi, kept: Kept, ask: dict[str, Any]
) -> None:
    """Nothing could hide what their reader did not ask for."""
    create = client.chat.completions.with_streaming_response.create
    with create(model="gpt-4o", stream=True, **ask) as response:
        assert not any("usage" in line for line in response.iter_lines())
    assert "stream_options" not in api.asked[-1].body
    event = kept.one()
    assert (event["status"], event["estimated"]) == ("ok", True)
