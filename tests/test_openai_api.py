"""The stand-in for the OpenAI API, as the real client sees it."""

from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.openai_api import OpenAIApi

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def api() -> Iterator[OpenAIApi]:
    with OpenAIApi() as api:
        yield api


@pytest.fixture
def client(api: OpenAIApi) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=api.url, api_key="sk-any", max_retries=0) as client:
        yield client


def test_a_chat_completion_has_the_usage_that_the_model_s_name_asks_for(client: openai.OpenAI) -> None:
    model = "gpt-4o+input=1000+output=60+cached=800+written=100+reasoning=20"
    completion = client.chat.completions.create(model=model, messages=HELLO)
    assert completion.model == "gpt-4o"
    assert completion.usage
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (1000, 60)
    assert completion.usage.prompt_tokens_details
    assert completion.usage.prompt_tokens_details.cached_tokens == 800
    assert completion.usage.completion_tokens_details
    assert completion.usage.completion_tokens_details.reasoning_tokens == 20


def test_a_streamed_chat_tells_its_usage_only_when_asked(client: openai.OpenAI) -> None:
    create = client.chat.completions.create
    plain = list(create(model="gpt-4o", messages=HELLO, stream=True))
    asked = list(create(model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}))
    assert all(chunk.usage is None for chunk in plain)
    assert len(asked) == len(plain) + 1
    assert asked[-1].choices == []
    assert asked[-1].usage
    assert asked[-1].usage.total_tokens == 374 + 44


def test_responses_and_embeddings(client: openai.OpenAI) -> None:
    model = "gpt-5+cached=100+reasoning=20"
    response = client.responses.create(model=model, input="Hello")
    assert response.output_text.startswith("word0 word1")
    assert response.usage
    assert response.usage.input_tokens_details.cached_tokens == 100
    with client.responses.stream(model=model, input="Hello") as stream:
        events = list(stream)
        usage = stream.get_final_response().usage
    assert next(event.delta for event in events if event.type == "response.output_text.delta") == "word0 "
    assert usage
    assert usage.output_tokens_details.reasoning_tokens == 20
    embeddings = client.embeddings.create(model="text-embedding-3-small+input=8", input=["a", "b"])
    assert [len(item.embedding) for item in embeddings.data] == [8, 8]
    assert embeddings.usage.total_tokens == 8


def test_errors_and_a_client_that_leaves(api: OpenAIApi, client: openai.OpenAI) -> None:
    create = client.chat.completions.create
    with pytest.raises(openai.RateLimitError, match="You asked for 429"):
        create(model="gpt-4o+fail=429", messages=HELLO)
    with pytest.raises(openai.InternalServerError):
        create(model="gpt-4o+fail=500", messages=HELLO)
    with create(model="gpt-4o+endless", messages=HELLO, stream=True) as stream:
        for _, _chunk in zip(range(3), stream, strict=False):
            pass
    assert api.asked[-1].body["stream"] is True
    with pytest.raises(openai.APIConnectionError):
        list(create(model="gpt-4o+broken", messages=HELLO, stream=True))
