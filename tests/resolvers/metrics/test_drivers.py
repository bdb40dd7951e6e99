"""What drives the cost: effects that add up, and the value that changed it most."""

from fractions import Fraction

from resolvers.metrics.drivers import Spending, drivers_of, effects_of, ranked

Spent = dict[str | None, Spending]
BEFORE: Spent = {"large": Spending(100, 10_000, 1_000), "small": Spending(100, 10_000, 100)}


def test_more_requests_of_the_same_kind_are_volume() -> None:
    now: Spent = {"large": Spending(150, 15_000, 1_500), "small": Spending(150, 15_000, 150)}
    assert effects_of(BEFORE, now) == {"volume": 550, "mix": 0, "size": 0, "price": 0}


def test_the_same_requests_of_other_models_are_mix() -> None:
    now: Spent = {"large": Spending(150, 15_000, 1_500), "small": Spending(50, 5_000, 50)}
    assert effects_of(BEFORE, now) == {"volume": 0, "mix": 450, "size": 0, "price": 0}


def test_longer_prompts_are_size_and_dearer_tokens_price() -> None:
    longer: Spent = {**BEFORE, "large": Spending(100, 20_000, 2_000)}
    assert effects_of(BEFORE, longer) == {"volume": 0, "mix": 0, "size": 1_000, "price": 0}
    dearer: Spent = {**BEFORE, "large": Spending(100, 10_000, 3_000)}
    assert effects_of(BEFORE, dearer) == {"volume": 0, "mix": 0, "size": 0, "price": 2_000}


def test_the_effects_add_up_to_the_change_exactly() -> None:
    now: Spent = {"large": Spending(37, 9_001, 1_234), "new": Spending(11, 77, 5_000), "free": Spending(3, 0, 0)}
    assert sum(effects_of(BEFORE, now).values()) == Fraction(6_234 - 1_100)
    assert sum(effects_of({}, now).values()) == 6_234
    assert sum(effects_of(BEFORE, {}).values()) == -1_100


def test_the_first_driver_changed_the_cost_most_in_its_direction() -> None:
    now: Spent = {"large": Spending(100, 10_000, 600), "small": Spending(300, 30_000, 300), "new": Spending(9, 9, 900)}
    found = ranked(drivers_of("model", BEFORE, now), 700)
    assert [(one.key, one.change, one.effect) for one in found] == [("new", 900, "new"), ("small", 200, "volume")]
    falling = ranked(drivers_of("model", now, BEFORE), -700)
    assert [(one.key, one.effect) for one in falling] == [("new", "gone"), ("small", "volume")]


def test_a_dimension_with_one_value_explains_nothing() -> None:
    before: Spent = {"chat": Spending(1, 1, 1)}
    now: Spent = {"chat": Spending(2, 2, 2)}
    assert drivers_of("operation", before, now) == []
