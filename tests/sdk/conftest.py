"""A sink that keeps what it gets, and a local OpenAI API."""

from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.openai_api import OpenAIApi
from vigie_sdk import track
from vigie_sdk.events import Event


class Kept:
    """What was recorded."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def one(self) -> Event:
        """The only event since this was asked last."""
        (event,), self.events = self.events, []
        return event


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture(scope="module")
def api() -> Iterator[OpenAIApi]:
    with OpenAIApi() as api:
        yield api


@pytest.fixture
def original(api: OpenAIApi) -> Iterator[OpenAI]:
    with OpenAI(base_url=api.url, api_key="sk-tests", max_retries=0) as client:
        yield client


@pytest.fixture
def client(original: OpenAI, kept: Kept) -> OpenAI:
    """The tracked one."""
    return track(original, vigie=kept)


@pytest.fixture
def ask() -> dict[str, Any]:
    """A question of 31 characters: eight estimated tokens, and one for the role."""
    return {"messages": [{"role": "user", "content": "Which ships are in the harbour?"}]}
