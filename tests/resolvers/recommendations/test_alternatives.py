"""Which smaller model stands in for which."""

import datetime as dt

import pytest

from integrations.prices import ListPrices
from resolvers.recommendations.alternatives import DEFAULTS, Alternatives


@pytest.mark.parametrize(
    ("model", "smaller"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4o-2024-08-06", "gpt-4o-mini"),
        ("openai/gpt-4o", "openai/gpt-4o-mini"),
        ("claude-opus-4-20250514", "claude-haiku-4-5"),
        ("claude-3-5-sonnet-latest", "claude-3-5-haiku-latest"),
        ("gpt-4o-mini", None),
        ("my-own-model", None),
    ],
)
def test_a_model_is_known_by_its_names(model: str, smaller: str | None) -> None:
    assert Alternatives().of(model) == smaller


def test_the_table_can_be_changed() -> None:
    table = Alternatives({"gpt-4o": "none", "my-own-model": "my-small-model", "o3": "gpt-5-nano"})
    assert [table.of(model) for model in ("gpt-4o", "my-own-model", "o3")] == [None, "my-small-model", "gpt-5-nano"]


def test_every_alternative_is_cheaper() -> None:
    prices, now = ListPrices(), dt.datetime.now(dt.UTC)
    for model, smaller in DEFAULTS.items():
        costs = [prices.bulk_cost(None, name, now, 1, (1000, 0, 0, 1000, 0), prompt=1000) for name in (model, smaller)]
        assert costs[0] is not None, model
        assert costs[1] is not None, smaller
        assert costs[1] < costs[0], model
