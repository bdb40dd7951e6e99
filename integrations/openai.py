"""Words for advice by OpenAI, or by whatever speaks its chat completions: bounded in time, in money, and in failures.

It is told kinds and figures, never a prompt and never a name.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import structlog
from openai import AsyncOpenAI, OpenAIError
from openai.types.shared_params.response_format_json_schema import JSONSchema
from prometheus_client import Counter, Enum, Histogram

from integrations.circuits import Circuits, Open
from integrations.prices import BulkPrices
from integrations.wording import Brief, Words

CIRCUIT: Final = "openai"
FAILURES: Final = 3
PAUSE_SECONDS: Final = 300.0
MOST_BRIEFS: Final = 20
TOKENS_A_BRIEF: Final = 300
BYTES_A_TOKEN: Final = 2
MOST_TITLE: Final = 160
MOST_BODY: Final = 2000
UNLISTED_PICODOLLARS_A_TOKEN: Final = 10_000_000
"""Counted for a model without a list price: 10 dollars for a million tokens."""

STATES: Final = ["closed", "half-opened", "opened"]
BREAKER: Final = Enum(
    "vigie_openai_breaker", "The circuit breaker before OpenAI; while it is opened nothing is asked.", states=STATES
)
OUTCOMES: Final = ("worded", "failed", "refused", "busy", "broke")
ASKED: Final = Counter(
    "vigie_openai_wordings_total",
    "Words asked for: worded; failed; refused by the open breaker; busy with others; broke, the day's limit is spent.",
    ["outcome"],
)
SECONDS: Final = Histogram("vigie_openai_seconds", "Duration of calls of OpenAI.", buckets=(0.5, 1, 2, 5, 10, 20, 60))
for _outcome in OUTCOMES:
    ASKED.labels(_outcome)

INSTRUCTIONS: Final = (
    "You edit advice for the operators of a product that runs on language models. For each item write a title (at most "
    "90 characters, imperative) and a body (two to four plain sentences: what was found, what it costs, what to do "
    "first). Use only the figures given. Names are placeholders in braces, such as {model}: keep them exactly as in "
    "the draft, and use no others. Answer one item for each item, in the same order."
)
SCHEMA: Final[JSONSchema] = {
    "name": "advice",
    "strict": True,
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["title", "body"],
                    "properties": {"title": {"type": "string"}, "body": {"type": "string"}},
                },
            }
        },
    },
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Spent:
    """One call: its tokens, and what it costs in picodollars. A call without an answer counts as its estimate."""

    model: str
    time: dt.datetime
    duration_ms: float
    ok: bool
    input: int
    cache_read: int
    output: int
    reasoning: int
    cost: int


class Purse(Protocol):
    """Knows what may be spent today."""

    async def left(self) -> int:
        """Picodollars left for today."""
        ...

    async def book(self, spent: Spent) -> None:
        """Takes a call's cost out."""
        ...


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Message(msgspec.Struct):
    content: str


class _Choice(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


class _Item(msgspec.Struct):
    title: str
    body: str


class _Items(msgspec.Struct):
    items: list[_Item]


class Nonsense(Exception):  # noqa: N818
    """An answer that is none."""


class OpenAIWording:
    """Asks once for all briefs, within `timeout` seconds. After three failures in a row it asks nobody for minutes."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None,
        model: str,
        timeout: float,
        prices: BulkPrices,
        purse: Purse,
        circuits: Circuits | None = None,
    ) -> None:
        self._client = AsyncOpenAI(api_key=api_key, base_url=base_url, timeout=timeout, max_retries=0)
        # Settings come from Vigie's, not from variables that the client reads by itself.
        self._client.organization = self._client.project = None
        self._model = model
        self._timeout = timeout
        self._prices = prices
        self._purse = purse
        self._turn = asyncio.Lock()
        self._circuits = circuits or Circuits()
        BREAKER.state("closed")

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def word(self, briefs: Sequence[Brief]) -> list[Words] | None:
        """Words for each of at most 20 briefs; None when anything stands in the way."""
        if not briefs or len(briefs) > MOST_BRIEFS:
            return None
        if self._turn.locked():
            ASKED.labels("busy").inc()
            return None
        async with self._turn:
            return await self._word(briefs)

    async def _word(self, briefs: Sequence[Brief]) -> list[Words] | None:
        prompt = _prompt(briefs)
        limit = TOKENS_A_BRIEF * len(briefs)
        estimate = (len(INSTRUCTIONS) + len(prompt)) // BYTES_A_TOKEN, 0, limit, 0
        if await self._purse.left() < self._cost(*estimate):
            ASKED.labels("broke").inc()
            return None
        started = time.monotonic()
        used, words = estimate, None
        try:
            async with self._circuits.guarding(CIRCUIT, failures=FAILURES, seconds=PAUSE_SECONDS):
                try:
                    async with asyncio.timeout(self._timeout):
                        completion = await self._ask(prompt, limit)
                    used = _used(completion.usage) or estimate
                    words = _words(completion, briefs)
                finally:
                    SECONDS.observe(time.monotonic() - started)
                    await self._book(used, started, ok=words is not None)
        except Open:
            ASKED.labels("refused").inc()
            return None
        except (OpenAIError, TimeoutError, OSError, msgspec.MsgspecError, UnicodeDecodeError, Nonsense) as error:
            # The type alone: a message may quote the key.
            log.warning("no words by OpenAI", error=type(error).__name__)
            ASKED.labels("failed").inc()
            return None
        finally:
            BREAKER.state(self._circuits.state(CIRCUIT))
        ASKED.labels("worded").inc()
        return words

    async def _ask(self, prompt: str, limit: int) -> _Completion:
        answer = await self._client.chat.completions.with_raw_response.create(
            model=self._model,
            messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": prompt}],
            response_format={"type": "json_schema", "json_schema": SCHEMA},
            max_completion_tokens=limit,
        )
        return msgspec.json.decode(answer.content, type=_Completion)

    async def _book(self, used: tuple[int, int, int, int], started: float, *, ok: bool) -> None:
        whole, cached, output, reasoning = used
        await self._purse.book(
            Spent(
                model=self._model,
                time=dt.datetime.now(dt.UTC),
                duration_ms=(time.monotonic() - started) * 1000,
                ok=ok,
                input=whole,
                cache_read=cached,
                output=output,
                reasoning=reasoning,
                cost=self._cost(*used),
            )
        )

    def _cost(self, whole: int, cached: int, output: int, reasoning: int) -> int:
        tokens = (whole - cached, cached, 0, output - reasoning, reasoning)
        listed = self._prices.bulk_cost("openai", self._model, dt.datetime.now(dt.UTC), 1, tokens, prompt=whole)
        return (whole + output) * UNLISTED_PICODOLLARS_A_TOKEN if listed is None else listed


def _prompt(briefs: Sequence[Brief]) -> str:
    items = [
        {"kind": brief.kind, "figures": dict(brief.figures), "draft": {"title": brief.title, "body": brief.body}}
        for brief in briefs
    ]
    return msgspec.json.encode({"items": items}).decode()


def _used(usage: _Usage | None) -> tuple[int, int, int, int] | None:
    """Input, cached input, output and reasoning tokens; None when the answer does not tell, or tells nonsense."""
    if usage is None:
        return None
    cached = (usage.prompt_tokens_details or _Details()).cached_tokens or 0
    reasoning = (usage.completion_tokens_details or _Details()).reasoning_tokens or 0
    sound = 0 <= cached <= usage.prompt_tokens and 0 <= reasoning <= usage.completion_tokens
    return (usage.prompt_tokens, cached, usage.completion_tokens, reasoning) if sound else None


def _words(completion: _Completion, briefs: Sequence[Brief]) -> list[Words]:
    """Raises Nonsense, or what the decoder raises, for an answer that cannot be used."""
    if not completion.choices:
        raise Nonsense
    items = msgspec.json.decode(completion.choices[0].message.content, type=_Items).items
    if len(items) != len(briefs):
        raise Nonsense
    return [_checked(item, brief) for item, brief in zip(items, briefs, strict=True)]


def _checked(item: _Item, brief: Brief) -> Words:
    title, body = " ".join(item.title.split()), item.body.strip()
    if not 0 < len(title) <= MOST_TITLE or not 0 < len(body) <= MOST_BODY:
        raise Nonsense
    for text in (title, body):
        bare = text
        for name in brief.names:
            bare = bare.replace(f"{{{name}}}", "")
        if "{" in bare or "}" in bare or not all(letter.isprintable() or letter == "\n" for letter in text):
            raise Nonsense
    return Words(title, body)
