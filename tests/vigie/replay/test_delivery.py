"""Batches, pace, and the tally."""

import datetime as dt
from typing import Any

import orjson
import pytest

from vigie.replay import delivery as module
from vigie.replay.delivery import Delivery, Pace
from vigie.replay.sender import Receipt, Rejected

START = dt.datetime(2023, 11, 16, tzinfo=dt.UTC)


class Server:
    """Stores all but the events that say `bad`; keeps what it got, and when."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []

    def send(self, events: list[bytes]) -> Receipt:
        batch = [orjson.loads(event) for event in events]
        self.batches.append(batch)
        bad = [Rejected(index, "INVALID", "bad", "x") for index, event in enumerate(batch) if event.get("bad")]
        return Receipt(len(batch) - len(bad), 0, bad)


def at(seconds: float) -> dict[str, Any]:
    return {"time": START + dt.timedelta(seconds=seconds)}


def test_events_go_out_in_order_in_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS", 3)
    server = Server()
    delivery = Delivery(server)
    assert [delivery.put(number, {"n": number}) for number in range(7)] == [False, False, True] * 2 + [False]
    assert delivery.flush()
    assert not delivery.flush()
    assert [[event["n"] for event in batch] for batch in server.batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert (delivery.tally.sent, delivery.tally.accepted) == (7, 7)


def test_a_batch_ends_before_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    server = Server()
    delivery = Delivery(server)
    for number in range(4):
        delivery.put(number, {"text": "x" * 60})
    assert [len(batch) for batch in server.batches] == [2, 2]


def test_rejections_are_counted_by_reason_with_their_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REASONS", 2)
    delivery = Delivery(Server())
    for number in (10, 11, 12):
        delivery.put(number, {"bad": number != 10})
    delivery.flush()
    assert (delivery.tally.accepted, delivery.tally.rejected) == (1, 2)
    assert delivery.tally.reasons == {"INVALID (x): bad": 2}
    assert delivery.tally.first == {"INVALID (x): bad": 11}
    for reason in ("second", "third", "fourth"):
        delivery.tally.note(reason, 99)
    assert delivery.tally.reasons == {"INVALID (x): bad": 2, "second": 1, "other reasons": 2}


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("speed", "seconds"), [(None, 0.0), (1.0, 60.0), (10.0, 6.0), (0.5, 120.0)])
def test_a_replay_takes_its_time(monkeypatch: pytest.MonkeyPatch, speed: float | None, seconds: float) -> None:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock.monotonic)
    server = Server()
    delivery = Delivery(server, pace=Pace(speed), sleep=clock.sleep)
    for number, second in enumerate((0, 0.01, 30, 29, 60)):
        delivery.put(number, at(second))
    delivery.flush()
    assert clock.now - 1000 == pytest.approx(seconds, abs=0.1)
    assert [event["time"] for batch in server.batches for event in batch] == [
        at(second)["time"].isoformat() for second in (0, 0.01, 30, 29, 60)
    ]


def test_shifted_events_wait_for_their_time_at_any_speed() -> None:
    slept: list[float] = []
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise InterruptedError

    server = Server()
    delivery = Delivery(server, shift=soon - START, sleep=sleep)
    delivery.put(1, at(-200))
    with pytest.raises(InterruptedError):
        delivery.put(2, at(0))
    assert slept == [1.0]
    assert [len(batch) for batch in server.batches] == [1]  # what was due went out before


def test_a_shift_moves_times_and_keeps_their_distances() -> None:
    server = Server()
    delivery = Delivery(server, shift=dt.timedelta(days=365, microseconds=1))
    for event in (at(0), at(1.5), {"time": "2023-11-16T00:00:02Z"}, {"time": "never"}):
        delivery.put(0, event)
    delivery.flush()
    assert [event["time"] for event in server.batches[0]] == [
        "2024-11-15T00:00:00.000001+00:00",
        "2024-11-15T00:00:01.500001+00:00",
        "2024-11-15T00:00:02.000001+00:00",
        "never",
    ]
