"""The queue between a program and Vigie: batches, retries, refusals, bounds, and ends."""

import logging
import time
from collections.abc import Callable, Iterator

import pytest

from tests.sdk.doors import Door, Reply
from tests.servers import free_port
from vigie_sdk import Vigie, configure, flush
from vigie_sdk.events import Event

KEY = "a-key-of-tests"


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as door:
        yield door


@pytest.fixture
def made() -> Iterator[Callable[..., Vigie]]:
    """Makes clients, and closes them with the test."""
    clients: list[Vigie] = []

    def make(url: str, **settings: float) -> Vigie:
        clients.append(Vigie(url, KEY, **settings))  # type: ignore[arg-type]
        return clients[-1]

    yield make
    for client in clients:
        client.close(0)


def usage(**rest: object) -> Event:
    return {"type": "usage", "model": "gpt-4o", **rest}


def test_events_travel_in_batches_with_ids_and_times(door: Door, made: Callable[..., Vigie]) -> None:
    vigie = made(door.url)
    given = usage(subject="alice", sessionId=None, attributes={})
    for _ in range(1200):
        vigie.record(given)
    assert vigie.flush()
    assert [len(sent.events) for sent in door.sent] == [500, 500, 200]
    assert len({event["id"] for event in door.events}) == 1200
    assert door.sent[0].path == "/v1/events"
    assert door.sent[0].headers["authorization"] == f"Bearer {KEY}"
    assert door.events[0].keys() == {"id", "type", "model", "subject", "time"}
    assert "time" not in given
    assert (vigie.queued, vigie.dropped) == (0, 0)


def test_large_bodies_are_compressed_and_bounded(door: Door, made: Callable[..., Vigie]) -> None:
    vigie = made(door.url)
    vigie.record(usage())
    vigie.flush()
    assert "content-encoding" not in door.sent[0].headers
    for number in range(40):
        vigie.record(usage(attributes={f"a{key}": f"{number} " + "x" * 900 for key in range(30)}))
    vigie.flush()
    assert all(sent.headers["content-encoding"] == "gzip" for sent in door.sent[1:])
    sizes = [len(sent.events) for sent in door.sent[1:]]
    assert (len(sizes), sum(sizes)) == (3, 40)  # at most half a mebibyte each


def test_what_waits_leaves_within_a_second_or_so(door: Door, made: Callable[..., Vigie]) -> None:
    began = time.monotonic()
    made(door.url).record(usage())
    door.until(1)
    assert 0.5 < door.sent[0].at - began < 3


def test_failures_are_tried_again_with_the_same_ids(door: Door, made: Callable[..., Vigie]) -> None:
    door.reply = lambda number: Reply(status=(503, 429, 500, 200)[number - 1])
    vigie = made(door.url)
    vigie.record(usage())
    vigie.flush(0.1)
    door.until(4)
    assert vigie.flush()
    assert len({event["id"] for event in door.events}) == 1
    assert vigie.dropped == 0


def test_retry_after_is_honoured(door: Door, made: Callable[..., Vigie]) -> None:
    door.reply = lambda number: Reply(503, headers={"Retry-After": "2"}) if number == 1 else Reply()
    vigie = made(door.url)
    vigie.record(usage())
    door.until(2)
    assert door.sent[1].at - door.sent[0].at >= 2


def test_pauses_grow(door: Door, made: Callable[..., Vigie]) -> None:
    door.reply = lambda number: Reply(503)
    made(door.url).record(usage())
    door.until(4)
    pauses = [after.at - before.at for before, after in zip(door.sent, door.sent[1:], strict=False)]
    assert 0.2 < pauses[0] < 0.8 < pauses[2] < 3


def test_a_refusal_is_final_counted_and_said_once(
    door: Door, made: Callable[..., Vigie], caplog: pytest.LogCaptureFixture
) -> None:
    door.reply = lambda number: Reply(401, {"detail": "This key of test 17 is unknown."})
    vigie = made(door.url)
    for _ in range(2):
        vigie.record(usage())
        vigie.record(usage())
        assert vigie.flush()
    assert (len(door.sent), vigie.dropped, vigie.queued) == (2, 4, 0)
    assert [record.message for record in caplog.records] == [
        "Vigie refuses events, which are dropped: 401 This key of test 17 is unknown."
    ]
    assert KEY not in caplog.text


def test_events_that_vigie_rejects_are_counted_and_said(
    door: Door, made: Callable[..., Vigie], caplog: pytest.LogCaptureFixture
) -> None:
    rejected = {"index": 1, "code": "INVALID", "field": "tokens.input", "message": "negative, says test 18"}
    door.reply = lambda number: Reply(body={"accepted": 1, "duplicates": 0, "rejected": [rejected]})
    vigie = made(door.url)
    vigie.record(usage())
    vigie.record(usage(tokens={"input": -1}))
    assert vigie.flush()
    assert vigie.dropped == 1
    assert "tokens.input: negative, says test 18" in caplog.text


def test_nobody_is_followed_elsewhere(door: Door, made: Callable[..., Vigie]) -> None:
    with Door() as other:
        door.reply = lambda number: Reply(307, headers={"Location": other.url + "/v1/events"})
        vigie = made(door.url)
        vigie.record(usage())
        assert vigie.flush()
        assert (other.sent, vigie.dropped) == ([], 1)


def test_whoever_is_not_vigie_has_not_taken_anything(door: Door, made: Callable[..., Vigie]) -> None:
    door.reply = lambda number: Reply(body={"hello": "world"}) if number == 1 else Reply()
    vigie = made(door.url)
    vigie.record(usage())
    assert vigie.flush()
    assert len(door.sent) == 2


def test_a_full_queue_drops_and_counts(made: Callable[..., Vigie]) -> None:
    vigie = made(f"http://127.0.0.1:{free_port()}", queue_size=100)
    for _ in range(1000):
        vigie.record(usage())
    assert 95 <= vigie.queued <= 105
    assert abs(vigie.queued + vigie.dropped - 1000) <= 1  # one may just be taken


def test_who_never_answers_slows_nobody(door: Door, made: Callable[..., Vigie]) -> None:
    door.reply = lambda number: Reply(after=60)
    vigie = made(door.url, timeout=60, queue_size=1000)
    vigie.record(usage())
    vigie.flush(0)
    door.until(1)
    began = time.perf_counter()
    for _ in range(20_000):
        vigie.record(usage())
    seconds = time.perf_counter() - began
    assert seconds / 20_000 < 0.0001
    assert (vigie.queued <= 1001, vigie.dropped >= 18_999) == (True, True)
    began = time.perf_counter()
    assert not vigie.flush(0.2)
    assert time.perf_counter() - began < 1


def test_an_answer_that_takes_too_long_is_not_waited_for(door: Door, made: Callable[..., Vigie]) -> None:
    door.reply = lambda number: Reply(after=60 if number == 1 else 0)
    vigie = made(door.url, timeout=0.3)
    vigie.record(usage())
    door.until(2)
    assert vigie.flush()
    assert door.sent[0].events == door.sent[1].events


def test_events_are_made_to_fit(door: Door, made: Callable[..., Vigie]) -> None:
    vigie = made(door.url)
    attributes = {"long": "x" * 2000, "odd": {1, 2}, "half": "\ud800", "nul": "a\0b", "nan": float("nan"), "none": None}
    error = {"type": "E" * 999, "message": "m" * 9999}
    vigie.record(usage(subject="s" * 999, error=error, attributes=attributes, time=0.5))
    assert vigie.flush()
    (event,) = door.events
    assert event["attributes"] == {"odd": "{1, 2}", "half": "?", "nul": "ab", "nan": "nan"}
    assert event["time"] == "1970-01-01T00:00:00.500000+00:00"
    lengths = (len(event["subject"]), len(event["error"]["type"]), len(event["error"]["message"]))
    assert lengths == (256, 200, 4096)


def test_an_event_that_is_none_ends_nothing(door: Door, made: Callable[..., Vigie]) -> None:
    vigie = made(door.url)
    vigie.record(None)  # type: ignore[arg-type]
    vigie.record(usage(tokens={"input": object()}))
    vigie.record(usage(subject="good"))
    assert vigie.flush()
    assert ([event["subject"] for event in door.events], vigie.dropped) == (["good"], 1)


@pytest.mark.parametrize(
    ("url", "key", "reason"),
    [
        (None, KEY, "VIGIE_URL is not set"),
        ("http://v", None, "VIGIE_API_KEY is not set"),
        ("not an address", KEY, "VIGIE_URL is not an address"),
        ("ftp://v", KEY, "VIGIE_URL is not an address"),
        ("http://v:99999", KEY, "VIGIE_URL is not an address"),
        ("http://v", "a\nkey", "VIGIE_API_KEY holds characters"),
    ],
)
def test_without_an_address_or_a_key_nothing_happens(
    url: str | None, key: str | None, reason: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIGIE_URL", raising=False)
    monkeypatch.delenv("VIGIE_API_KEY", raising=False)
    monkeypatch.setattr("vigie_sdk.quiet._said", set())
    with caplog.at_level(logging.WARNING, "vigie_sdk"):
        for _ in range(2):
            vigie = configure(url, key)
            vigie.record(usage())
            assert flush()
    assert (vigie.queued, vigie.dropped) == (0, 0)
    (said,) = caplog.messages
    assert reason in said


def test_the_environment_says_where_to(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_URL", door.url + "/")
    monkeypatch.setenv("VIGIE_API_KEY", KEY)
    monkeypatch.setenv("VIGIE_ENVIRONMENT", "staging")
    configure().record(usage())
    assert flush()
    assert door.events[0]["environment"] == "staging"


def test_what_is_configured_anew_takes_the_old_queue_along(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    with Door() as other:
        configure(door.url, KEY).record(usage(subject="before"))
        configure(other.url, KEY).record(usage(subject="after"))
        assert flush()
        door.until(1)
        assert [door.events[0]["subject"], other.events[0]["subject"]] == ["before", "after"]


def test_a_closed_client_takes_no_more(door: Door, made: Callable[..., Vigie]) -> None:
    vigie = made(door.url)
    vigie.record(usage())
    assert vigie.close()
    vigie.record(usage())
    assert (len(door.events), vigie.dropped) == (1, 1)
    assert vigie.close()
    assert vigie.flush()
