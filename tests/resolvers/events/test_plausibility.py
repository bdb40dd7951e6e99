"""A reported cost that can only be in another unit is refused."""

import pytest

from resolvers.events.plausibility import check_plausible
from resolvers.events.rejections import Refused

OURS = 7_500_000_000


@pytest.mark.parametrize("times", [100, 1_000_000, 50, 1 / 50, 1 / 100])
def test_another_unit_is_refused(times: float) -> None:
    with pytest.raises(Refused, match="US dollars") as refused:
        check_plausible(round(OURS * times), OURS, exact=True)
    assert refused.value.field == "costUsd"


@pytest.mark.parametrize("times", [1, 0.5, 49, 1 / 49, 0])
def test_discounts_and_fees_are_not(times: float) -> None:
    check_plausible(round(OURS * times), OURS, exact=True)


@pytest.mark.parametrize("ours", [None, 0])
def test_without_a_price_of_ours_everything_is_plausible(ours: int | None) -> None:
    check_plausible(10**18, ours, exact=True)
    check_plausible(10**18, OURS, exact=False)
