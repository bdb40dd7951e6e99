"""The traffic of the demo: the same for the same hours, in order, and fit for the door."""

import datetime as dt
import itertools

import orjson

from resolvers.events.decoding import from_json
from vigie.demo import traffic

START = dt.datetime(2026, 11, 2, 7, 30, tzinfo=dt.UTC)


def test_the_same_hour_has_the_same_traffic() -> None:
    whole = {event["id"]: event for _, event in itertools.islice(traffic(START), 20_000)}
    assert len(whole) == 20_000
    hour = START.replace(minute=0) + dt.timedelta(hours=3)
    for _, event in itertools.islice(traffic(hour), 500):
        assert whole[event["id"]] == event


def test_events_are_in_the_order_of_their_times() -> None:
    times = [event["time"] for _, event in itertools.islice(traffic(START), 5_000)]
    assert times == sorted(times)
    assert times[0] >= START.replace(minute=0)


def test_every_event_is_fit_for_the_door() -> None:
    events = [event for _, event in itertools.islice(traffic(START), 10_000)]
    decoded = from_json(orjson.dumps({"events": events}))
    assert len(decoded.events) == 10_000
    assert not [event for event in decoded.events if isinstance(event, Exception)]
