"""A reported cost that can only be in another unit is refused."""

import pytest

from resolvers.events.plausibility import check_plausible
from resolvers.events.rejections import Refused

OURS = 7_500_000_000


@pytest.mark.parametrize("times", [100, 95, 108, 1_000, 1_000_000, 10**10])
def test_another_unit_is_refused(times: float) -> None:
    with pytest.raises(Refused, match="US dollars") as refused:
        check_plausible(round(OURS * times), OURS, unpriced=None)
    assert refused.value.field == "costUsd"


@pytest.mark.parametrize("times", [1, 0.5, 1e-9, 20, 49, 300, 20_000, 0])
def test_what_no_unit_explains_is_taken(times: float) -> None:
    check_plausible(round(OURS * times), OURS, unpriced=None)


@pytest.mark.parametrize("ours", [None, 0])
def test_without_a_price_of_ours_everything_is_plausible(ours: int | None) -> None:
    check_plausible(10**18, ours, unpriced=None)


def test_an_estimate_refuses_only_what_is_far_from_it() -> None:
    check_plausible(OURS * 100, OURS, unpriced="service_tier")
    with pytest.raises(Refused, match="micro-dollars"):
        check_plausible(OURS * 10**6, OURS, unpriced="service_tier")
