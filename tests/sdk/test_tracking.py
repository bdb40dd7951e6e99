"""What a tracked client records, and that it is otherwise the client that it was."""

import logging
from typing import Any

import httpx2
import pytest
from openai import AzureOpenAI, BadRequestError, OpenAI, RateLimitError, UnprocessableEntityError
from pydantic import BaseModel, ValidationError

from tests.openai_api import OpenAIApi
from tests.sdk.conftest import Kept
from vigie_sdk import context, track

CACHED = "gpt-4o+input=1000+cached=600+written=100+output=200+reasoning=150"


class Ship(BaseModel):
    name: str


def test_a_plain_call_is_recorded(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    answer = client.chat.completions.create(model=CACHED, **ask)
    event = kept.one()
    assert answer.usage
    assert answer.usage.prompt_tokens == 1000
    assert (event["type"], event["provider"], event["model"], event["operation"]) == (
        "usage",
        "openai",
        "gpt-4o",
        "chat",
    )
    assert (event["status"], event["error"], event["estimated"]) == ("ok", None, None)
    assert event["rawUsage"] == answer.usage.to_dict()
    assert event["rawUsage"]["completion_tokens_details"]["reasoning_tokens"] == 150
    assert event["durationMs"] > 0
    assert event["timeToFirstTokenMs"] is None
    assert event["serviceTier"] == "default"


def test_a_response_is_recorded(client: OpenAI, kept: Kept) -> None:
    client.responses.create(model=CACHED, input="Which ships?", service_tier="flex")
    event = kept.one()
    details = {"cached_tokens": 600, "cache_write_tokens": 100}
    assert (event["rawUsage"]["input_tokens"], event["rawUsage"]["input_tokens_details"]) == (1000, details)
    assert (event["operation"], event["serviceTier"]) == ("chat", "flex")


def test_embeddings_are_recorded(client: OpenAI, kept: Kept) -> None:
    answer = client.embeddings.create(model="text-embedding-3-small+input=12", input=["ship", "harbour"])
    event = kept.one()
    assert answer.data[0].embedding[0] == 0.125
    assert (event["operation"], event["model"]) == ("embeddings", "text-embedding-3-small")
    assert event["rawUsage"] == {"prompt_tokens": 12, "total_tokens": 12}


def test_a_refused_call_has_its_error(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    with pytest.raises(RateLimitError):
        client.chat.completions.create(model="gpt-4o+fail=429", **ask)
    event = kept.one()
    assert event["status"] == "error"
    assert event["error"] == {"type": "RateLimitError", "message": "Error code: 429 - You asked for 429."}
    assert (event["rawUsage"], event["tokens"], event["estimated"]) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "Blocked: 'the secret\\nof the prompt'."}}, "Error code: 422 - Blocked: '[quoted]'."),
        ({"detail": [{"msg": "missing", "input": {"messages": ["the secret\nof"]}}]}, "Error code: 422"),
    ],
)
def test_an_error_does_not_tell_what_was_asked(kept: Kept, body: Any, message: str) -> None:
    http = httpx2.Client(transport=httpx2.MockTransport(lambda request: httpx2.Response(422, json=body)))
    client = track(OpenAI(base_url="http://vllm.example/v1", api_key="k", http_client=http), vigie=kept)
    with pytest.raises(UnprocessableEntityError):
        client.responses.create(model="llama", input="the secret\nof the prompt")
    assert kept.one()["error"] == {"type": "UnprocessableEntityError", "message": message}


def test_usage_that_never_came_is_estimated(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    client.chat.completions.create(model="gpt-4o+nousage", **ask)
    event = kept.one()
    assert (event["status"], event["estimated"]) == ("ok", True)
    assert event["tokens"] == {"input": 9, "output": 8}  # four characters each


def test_pictures_are_not_estimated_as_text(client: OpenAI, kept: Kept) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10_000}}
    content: Any = [{"type": "text", "text": "What is this?"}, picture]
    client.chat.completions.create(model="gpt-4o+nousage", messages=[{"role": "user", "content": content}])
    assert kept.one()["tokens"]["input"] == 5


@pytest.mark.parametrize(
    ("given", "tokens"), [("x" * 40, 10), (["x" * 40, "y"], 11), ([1, 2, 3], 3), ([[1, 2], [3]], 3)]
)
def test_embeddings_are_estimated(client: OpenAI, kept: Kept, given: Any, tokens: int) -> None:
    client.embeddings.create(model="text-embedding-3-small+nousage", input=given)
    event = kept.one()
    assert (event["tokens"]["input"], event["estimated"]) == (tokens, True)


def test_a_parsed_call_is_recorded_though_the_parser_fails(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        client.chat.completions.parse(model="gpt-4o", response_format=Ship, **ask)
    event = kept.one()
    assert event["error"] == {"type": "ValidationError", "message": None}  # its message quotes the completion
    assert (event["rawUsage"]["prompt_tokens"], event["estimated"]) == (374, None)


def test_labels_come_from_the_client_and_the_context(original: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    client = track(original, subject=7, session_id="s-1", attributes={"team": "a", "feature": "chat"}, vigie=kept)
    client.chat.completions.create(model="gpt-4o", **ask)
    event = kept.one()
    assert (event["subject"], event["sessionId"]) == ("7", "s-1")
    with context(subject="alice", feature="search"), context(trace_id="t-1", page=2):
        client.chat.completions.create(model="gpt-4o", **ask)
    event = kept.one()
    assert (event["subject"], event["sessionId"], event["traceId"]) == ("alice", "s-1", "t-1")
    assert event["attributes"] == {"team": "a", "feature": "search", "page": 2}
    client.chat.completions.create(model="gpt-4o", **ask)
    assert kept.one()["subject"] == "7"


def test_no_text_is_sent(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    for model in ("gpt-4o", "gpt-4o+nousage"):
        answer = client.chat.completions.create(model=model, **ask)
        event = str(kept.one())
        assert "harbour" not in event
        assert (answer.choices[0].message.content or "?") not in event


def test_a_tracked_client_is_of_its_own_type(original: OpenAI, client: OpenAI) -> None:
    assert type(client) is OpenAI
    assert client is not original
    assert client.base_url == original.base_url
    assert client.api_key == original.api_key


def test_the_client_that_was_given_stays_as_it_was(original: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    first = original.chat
    track(original, vigie=kept)
    assert original.chat is first
    original.chat.completions.create(model="gpt-4o", **ask)
    assert kept.events == []


def test_tracking_twice_records_once(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    track(client, subject="bob", vigie=kept).chat.completions.create(model="gpt-4o", **ask)
    assert kept.one()["subject"] == "bob"


def test_copies_stay_tracked(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    for copy in (client.with_options(timeout=5), client.copy(), client.copy().with_options(max_retries=1)):
        assert type(copy) is OpenAI
        copy.chat.completions.create(model="gpt-4o", **ask)
        assert kept.one()["status"] == "ok"


def test_a_tracked_client_closes_its_connections(api: OpenAIApi, kept: Kept) -> None:
    original = OpenAI(base_url=api.url, api_key="sk-tests")
    with track(original, vigie=kept) as client:
        client.models  # noqa: B018 — what is not recorded is there, too
    assert original.is_closed()


def test_azure_is_told_apart(kept: Kept, ask: dict[str, Any]) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        return httpx2.Response(200, json={"id": "1", "model": "gpt-4o-2024-08-06", "choices": [], "usage": usage})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    azure = AzureOpenAI(
        azure_endpoint="https://acme.openai.azure.com", api_key="k", api_version="2024-10-21", http_client=http
    )
    track(azure, vigie=kept).chat.completions.create(model="our-deployment", **ask)
    event = kept.one()
    assert asked == ["/openai/deployments/our-deployment/chat/completions"]
    assert (event["provider"], event["model"]) == ("azure.ai.openai", "gpt-4o-2024-08-06")


def test_a_provider_can_be_named(original: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    track(original, provider="vllm", vigie=kept).chat.completions.create(model="gpt-4o", **ask)
    assert kept.one()["provider"] == "vllm"


def test_raw_responses_are_recorded(client: OpenAI, kept: Kept, ask: dict[str, Any]) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", **ask)
    assert raw.headers["x-request-id"] == "req_1"
    assert kept.one()["rawUsage"]["prompt_tokens"] == 374
    assert raw.parse() is raw.parse()
    with client.chat.completions.with_streaming_response.create(model="gpt-4o", **ask) as response:
        assert b"word0" in response.read()
    assert (event := kept.one())["rawUsage"]["prompt_tokens"] == 374
    assert event["status"] == "ok"
    with client.chat.completions.with_streaming_response.create(model="gpt-4o", **ask):
        pass
    assert (event := kept.one())["status"] == "aborted"
    assert event["estimated"]


def test_what_a_server_refuses_to_be_asked_is_not_asked_again(kept: Kept, ask: dict[str, Any]) -> None:
    asked: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.content)
        if b"stream_options" in request.content:
            return httpx2.Response(400, json={"error": {"message": "unknown parameter: stream_options"}})
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=b"data: [DONE]\n\n")

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = track(OpenAI(base_url="http://old.example/v1", api_key="k", http_client=http), vigie=kept)
    for _ in range(2):
        assert list(client.chat.completions.create(model="llama", stream=True, **ask)) == []
        assert kept.one()["estimated"]
    assert len(asked) == 3
    with pytest.raises(BadRequestError):
        client.chat.completions.create(model="llama", stream=True, stream_options={"include_usage": True}, **ask)


def test_a_failing_sink_is_not_the_programs_matter(
    original: OpenAI, ask: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        def record(self, event: dict[str, Any]) -> None:
            raise ZeroDivisionError("our fault")

    answer = track(original, vigie=Failing()).chat.completions.create(model="gpt-4o", **ask)
    assert answer.choices
    assert "ZeroDivisionError: our fault" in caplog.text


def test_another_object_comes_back_as_it_came(caplog: pytest.LogCaptureFixture) -> None:
    other = object()
    with caplog.at_level(logging.WARNING, "vigie_sdk"):
        assert track(other) is other
    assert "track() takes clients of the package openai, not object" in caplog.text
