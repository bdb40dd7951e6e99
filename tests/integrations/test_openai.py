"""Words by OpenAI, and what becomes of those who wait for them when it is down, slow, or talks nonsense."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from prometheus_client import REGISTRY

from integrations import openai
from integrations.openai import OpenAIWording, Spent
from integrations.prices import ListPrices
from integrations.wording import Brief, Words
from tests.integrations.openai_server import FakeOpenAI, always, completion, fake_openai, items_of, nobody, slowly, well

KEY = "sk-secret-of-tests"
BRIEFS = [
    Brief(
        "CHEAPER_MODEL", ("model", "alternative_model"), "Use {alternative_model}", "{model} is dear.", {"calls": 12}
    ),
    Brief("SLOW_ROUTE", ("route",), "Make {route} faster", "{route} is slow.", {"p95_ms": 2345}),
]
PICODOLLARS_OF_ONE = 1000 * 400_000 + 200 * 1_600_000  # gpt-4.1-mini: 0.40 and 1.60 dollars a million tokens


@dataclass
class Purse:
    """Keeps money in memory."""

    money: int = 10**12
    spent: list[Spent] = field(default_factory=list)

    async def left(self) -> int:
        return self.money - sum(spent.cost for spent in self.spent)

    async def book(self, spent: Spent) -> None:
        self.spent.append(spent)


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with fake_openai() as fake:
        yield fake


@asynccontextmanager
async def wording(url: str, purse: Purse | None = None, *, seconds: float = 5.0) -> AsyncIterator[OpenAIWording]:
    made = OpenAIWording(
        api_key=KEY,
        base_url=url,
        model="gpt-4.1-mini",
        timeout=seconds,
        prices=ListPrices(),
        purse=purse or Purse(),
    )
    yield made
    await made.close()


def breaker() -> str:
    """The state that Prometheus shows."""
    states = (state for state in openai.STATES)
    return next(s for s in states if REGISTRY.get_sample_value("vigie_openai_breaker", {"vigie_openai_breaker": s}))


async def test_every_brief_gets_words(fake: FakeOpenAI) -> None:
    purse = Purse()
    async with wording(fake.url, purse) as words:
        assert await words.word(BRIEFS) == [
            Words("Better: Use {alternative_model}", "Plainly. {model} is dear."),
            Words("Better: Make {route} faster", "Plainly. {route} is slow."),
        ]

    (request,) = fake.requests
    assert fake.keys == [f"Bearer {KEY}"]
    assert request["response_format"]["json_schema"]["strict"] is True
    assert items_of(request)[0]["figures"] == {"calls": 12}
    (spent,) = purse.spent
    assert (spent.ok, spent.input, spent.output, spent.cost) == (True, 1000, 200, PICODOLLARS_OF_ONE)


def an_item(title: str, body: str = "A body.") -> bytes:
    return completion(json.dumps({"items": [{"title": title, "body": body}] * len(BRIEFS)}))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"null"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"choices": []}'),
        (200, b'{"choices": [{"message": {"content": null}}]}'),
        (200, b"\xff\xfe{"),
        (200, completion("I am sorry.")),
        (200, completion('{"items": []}')),
        (200, completion('{"items": [{"title": 1, "body": 2}, {"title": 1, "body": 2}]}')),
        (200, an_item("")),
        (200, an_item("x" * 500)),
        (200, an_item("Use {subject}")),
        (200, an_item("Use {alternative_model")),
        (200, an_item("A \x07 bell")),
        (200, an_item("A title", "  ")),
        (302, b""),
        (400, b'{"error": {"message": "no"}}'),
        (401, b'{"error": {"message": "Incorrect API key provided: sk-secret-of-tests"}}'),
        (429, b"{}"),
        (500, b"oops"),
    ],
)
async def test_nonsense_is_no_words(
    fake: FakeOpenAI, status: int, body: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    fake.answer = always(status, body)
    purse = Purse()
    async with wording(fake.url, purse) as words:
        assert await words.word(BRIEFS) is None

    assert [spent.ok for spent in purse.spent] == [False]
    printed = capfd.readouterr()
    assert KEY not in printed.out + printed.err


async def test_nobody_waits_for_a_slow_one(fake: FakeOpenAI) -> None:
    fake.answer = slowly
    async with wording(fake.url, seconds=0.3) as words:
        started = time.monotonic()
        assert await words.word(BRIEFS) is None
        assert time.monotonic() - started < 1.5


async def test_after_three_failures_nobody_is_asked_until_a_pause_is_over(
    fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "PAUSE_SECONDS", 0.3)
    fake.answer = always(500, b"oops")
    async with wording(fake.url) as words:
        assert breaker() == "closed"
        for _ in range(5):
            assert await words.word(BRIEFS) is None
        assert len(fake.requests) == 3
        assert breaker() == "opened"

        fake.answer = well
        assert await words.word(BRIEFS) is None
        await asyncio.sleep(0.4)
        assert await words.word(BRIEFS) is not None
        assert breaker() == "closed"


async def test_one_that_is_down_gives_no_words() -> None:
    async with wording(nobody()) as words:
        started = time.monotonic()
        for _ in range(4):
            assert await words.word(BRIEFS) is None
        assert time.monotonic() - started < 5
    assert breaker() == "opened"


async def test_without_money_nobody_is_asked(fake: FakeOpenAI) -> None:
    purse = Purse(money=2 * PICODOLLARS_OF_ONE)
    async with wording(fake.url, purse) as words:
        asked = [await words.word(BRIEFS) is not None for _ in range(4)]

    assert asked[0]
    assert not asked[-1]
    assert sum(spent.cost for spent in purse.spent) <= purse.money
    assert len(fake.requests) == sum(asked)


async def test_nothing_to_word_asks_nobody(fake: FakeOpenAI) -> None:
    async with wording(fake.url) as words:
        assert await words.word([]) is None
        assert await words.word(BRIEFS * 50) is None
    assert fake.requests == []
