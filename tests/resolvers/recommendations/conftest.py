"""When advice is followed in these tests."""

import datetime as dt

import pytest

from tests.resolvers.recommendations.wastes import DAY, WEEK


@pytest.fixture
def middle() -> dt.datetime:
    """A moment whose week after is over."""
    return dt.datetime.now(dt.UTC) - WEEK - DAY / 24
