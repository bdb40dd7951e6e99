"""When deliveries are tried again: pauses that double, channels that are obeyed, an end after six hours."""

import datetime as dt

import pytest

from resolvers.deliveries.retries import GIVEN_UP_AFTER, LONGEST_ASKED, next_attempt, pause

NOW = dt.datetime(2026, 1, 15, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 2), (3, 4), (10, 512), (11, 600), (10_000, 600)])
def test_pauses_double_up_to_ten_minutes(attempts: int, seconds: int) -> None:
    assert pause(attempts, lot=0.5) == dt.timedelta(seconds=seconds)
    assert pause(attempts, lot=0) == dt.timedelta(seconds=seconds * 0.8)
    assert pause(attempts, lot=1) == dt.timedelta(seconds=seconds * 1.2)


def test_a_channel_that_says_when_is_asked_no_earlier() -> None:
    assert pause(9, dt.timedelta(seconds=5), lot=0) == dt.timedelta(seconds=5)
    assert pause(1, dt.timedelta(days=3), lot=0) == LONGEST_ASKED
    assert pause(1, dt.timedelta(0), lot=0) == dt.timedelta(seconds=1)


def test_a_delivery_is_given_up_after_six_hours() -> None:
    late = NOW - GIVEN_UP_AFTER
    assert next_attempt(created_at=late, now=NOW, attempts=40, retry_after=None) is None
    assert next_attempt(created_at=NOW, now=NOW, attempts=1, retry_after=None) is not None
