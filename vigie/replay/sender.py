"""Sends events to `POST /v1/events`, a batch at a time and in order, until each batch has its answer.

A batch that gets no answer is sent again: ids make that harmless. What waiting cannot mend raises SendError.
"""

import random
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx2
import msgspec

PATIENCE: Final = 120.0
"""Seconds without any answer after which a batch is given up."""

LONGEST_PAUSE: Final = 5.0
WAIT: Final = frozenset({429, 500, 502, 503, 504, 507})
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")

ADVICE: Final = {
    401: "`vigie keys create --role ingest` makes a key",
    403: "`vigie keys create --role ingest` makes a key that may",
    404: "is this the address of a Vigie? Check --url",
}


class Rejected(msgspec.Struct):
    """One event that was refused: its place in the batch, and why."""

    index: int
    code: str
    message: str
    field: str | None = None


class Receipt(msgspec.Struct):
    """What became of a batch."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]


class SendError(Exception):
    """Nothing more can be sent; the text says why and what to do."""


class Sender:
    """A connection to one Vigie. `on_wait` hears, in words, why a batch has to wait."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        on_wait: Callable[[str], None] = lambda _: None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._on_wait = on_wait
        try:
            self._client = httpx2.Client(
                base_url=self.url,
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                timeout=httpx2.Timeout(30, connect=5),
                trust_env=urlsplit(self.url).hostname not in LOOPBACK,  # a proxy would look for it on its own machine
                transport=transport,
            )
        except httpx2.InvalidURL as error:
            raise SendError(f"{url} is not an address: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def send(self, events: Sequence[bytes]) -> Receipt:
        """Sends encoded events in one batch and waits for its answer. Raises SendError."""
        body = b'{"events":[' + b",".join(events) + b"]}"
        deadline = time.monotonic() + PATIENCE
        pause = 0.1
        while True:
            try:
                answer = self._client.post("/v1/events", content=body)
            except httpx2.TransportError as error:
                reason, after = f"{self.url} does not answer ({_words(error)})", None
            else:
                if answer.status_code not in WAIT:
                    return _receipt(answer)
                reason, after = f"{answer.status_code} {_detail(answer)}", _retry_after(answer)
            wait = after if after is not None else pause * random.uniform(0.5, 1.5)  # noqa: S311 — spreads retries
            if time.monotonic() + wait > deadline:
                raise SendError(f"{reason}; gave up after {PATIENCE:g} s")
            self._on_wait(reason)
            time.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)


def _receipt(answer: httpx2.Response) -> Receipt:
    if answer.status_code != httpx2.codes.OK:
        advice = ADVICE.get(answer.status_code)
        raise SendError(f"{answer.status_code} {_detail(answer)}" + (f" ({advice})" if advice else ""))
    try:
        return msgspec.json.decode(answer.content, type=Receipt)
    except msgspec.MsgspecError:
        raise SendError(f"what answers at {answer.url} is no Vigie: check --url") from None


def _detail(answer: httpx2.Response) -> str:
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    return str(body["detail"]) if isinstance(body, dict) and "detail" in body else answer.reason_phrase


def _retry_after(answer: httpx2.Response) -> float | None:
    value = answer.headers.get("retry-after", "")
    return min(float(value), LONGEST_PAUSE) if value.isdecimal() else None


def _words(error: httpx2.TransportError) -> str:
    return str(error) or type(error).__name__
