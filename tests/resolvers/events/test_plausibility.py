"""A reported cost that can only be in another unit is refused."""

import pytest

from resolvers.events.plausibility import check_plausible
from resolvers.events.rejections import Refused

OURS = 7_500_000_000


@pytest.mark.parametrize("times", [100, 1_000_000, 50, 1 / 50, 1 / 100])
def test_another_unit_is_refused(times: float) -> None:
    with pytest.raises(Refused, match="US dollars") as refused:
        check_plausible(round(OURS * times), OURS, unpriced=None)
    assert refused.value.field == "costUsd"


@pytest.mark.parametrize("times", [1, 0.5, 49, 1 / 49, 0])
def test_discounts_and_fees_are_not(times: float) -> None:
    check_plausible(round(OURS * times), OURS, unpriced=None)


@pytest.mark.parametrize("ours", [None, 0])
def test_without_a_price_of_ours_everything_is_plausible(ours: int | None) -> None:
    check_plausible(10**18, ours, unpriced=None)


@pytest.mark.parametrize(
    ("unpriced", "taken", "refused"), [("service_tier", 3, 60), ("cache_read,input_audio", 300, 10**6)]
)
def test_an_estimate_refuses_only_what_is_far_from_it(unpriced: str, taken: int, refused: int) -> None:
    check_plausible(OURS * taken, OURS, unpriced=unpriced)
    check_plausible(OURS, OURS * taken, unpriced=unpriced)
    with pytest.raises(Refused):
        check_plausible(OURS * refused, OURS, unpriced=unpriced)
