"""Costs agree with genai-prices' own calculation, for every model, kind of token, tier and date."""

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from genai_prices import Usage
from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

from integrations.prices import ListPrices
from integrations.rates import PICODOLLARS

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
USAGES = [
    (1, 0, 0, 0, 0, 0, 0, 0, 0),
    (374, 0, 0, 44, 0, 0, 0, 0, 0),
    (120_001, 300_007, 20_003, 900, 1_001, 0, 0, 0, 0),
    (1_999_999, 11, 13, 17, 19, 0, 0, 0, 0),
    (1_000, 0, 0, 500, 0, 400, 300, 100, 50),
    (300_000, 0, 0, 500, 0, 1, 0, 299_999, 500),
]


def cost_of(prices: ListPrices, provider: str | None, model: str, time: dt.datetime, *tokens: int) -> int | None:
    """Tokens in the order of `Rates.cost`."""
    rates = prices.rates(provider, model, None, time, sum(tokens[:3]))
    return None if rates is None else rates.cost(*tokens)[0]


def reference(model: ModelInfo, provider: Provider, time: dt.datetime, tokens: tuple[int, ...]) -> int:
    uncached, cache_read, cache_write, visible, reasoning, input_audio, output_audio, input_image, output_image = tokens
    usage = Usage(
        input_tokens=uncached + cache_read + cache_write,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        output_tokens=visible + reasoning,
        output_reasoning_tokens=reasoning,
        input_audio_tokens=input_audio,
        output_audio_tokens=output_audio,
        input_image_tokens=input_image,
        output_image_tokens=output_image,
    )
    total = model.calc_price(usage, provider, genai_request_timestamp=time).total_price
    return int((total * PICODOLLARS).quantize(Decimal(1), ROUND_HALF_EVEN))


def is_silent(model: ModelInfo, tokens: tuple[int, ...]) -> bool:
    """Whether there is an answer, and no price for answers: it is not free, its price is unknown."""
    return any(tokens[3:5]) and getattr(model.get_prices(NOON), "output_mtok", None) is None


def priced_by_tokens(price: ModelPrice) -> bool:
    return any(vars(price).get(key) is not None for key in ("input_mtok", "output_mtok", "requests_kcount"))


def test_every_model_costs_what_the_price_list_calculates() -> None:
    prices = ListPrices()
    compared = 0
    for provider in providers:
        for model in provider.models:
            if provider.find_model(model.id) is not model or not priced_by_tokens(model.get_prices(NOON)):
                continue
            for tokens in USAGES:
                cost = cost_of(prices, provider.id, model.id, NOON, *tokens)
                expected = None if is_silent(model, tokens) else reference(model, provider, NOON, tokens)
                assert cost == expected, (provider.id, model.id, tokens)
                compared += 1
    assert compared > 4_000


def test_both_sides_of_every_tier_agree() -> None:
    prices = ListPrices()
    compared = 0
    for provider in providers:
        for model in provider.models:
            if provider.find_model(model.id) is not model:
                continue
            tiers = [value for value in vars(model.get_prices(NOON)).values() if isinstance(value, TieredPrices)]
            for start in {tier.start for value in tiers for tier in value.tiers}:
                for size in (start, start + 1):
                    tokens = (size - 10, 6, 4, 100, 50, 0, 0, 0, 0)
                    cost = cost_of(prices, provider.id, model.id, NOON, *tokens)
                    expected = None if is_silent(model, tokens) else reference(model, provider, NOON, tokens)
                    assert cost == expected
                    compared += 1
    assert compared > 100


def test_the_price_in_force_at_the_time_of_the_call_counts() -> None:
    prices = ListPrices()
    costs = set()
    provider = next(provider for provider in providers if provider.id == "deepseek")
    model = next(model for model in provider.models if model.id == "deepseek-chat")
    for day in range(0, 730, 30):
        for hour in (0, 3, 9, 16, 17, 23):
            time = dt.datetime(2025, 1, 1, hour, 45, tzinfo=dt.UTC) + dt.timedelta(days=day)
            cost = cost_of(prices, "deepseek", "deepseek-chat", time, 1000, 0, 0, 1000, 0)
            assert cost == reference(model, provider, time, (1000, 0, 0, 1000, 0, 0, 0, 0, 0))
            costs.add(cost)
    assert len(costs) > 1


def test_a_known_price_in_plain_numbers() -> None:
    # gpt-4 on Azure: 30 dollars for a million tokens in, 60 for a million out.
    assert cost_of(ListPrices(), "azure", "gpt-4", NOON, 374, 0, 0, 44, 0) == 374 * 30_000_000 + 44 * 60_000_000


@pytest.mark.parametrize(
    ("provider", "model"), [(None, "gpt-4o"), ("azure.ai.openai", "gpt-4o"), ("x_ai", "grok-3"), ("aws.bedrock", "x")]
)
def test_providers_go_by_their_conventional_names(provider: str | None, model: str) -> None:
    cost = cost_of(ListPrices(), provider, model, NOON, 1000, 0, 0, 0, 0)
    assert (cost is None) == (model == "x")


@pytest.mark.parametrize(("provider", "model"), [("openai", "nope"), ("nobody", "gpt-4"), (None, "nope")])
def test_what_the_list_does_not_know_has_no_price(provider: str | None, model: str) -> None:
    assert cost_of(ListPrices(), provider, model, NOON, 1000, 0, 0, 1000, 0) is None


def test_a_model_that_is_not_priced_by_tokens_has_no_price() -> None:
    by_the_hour = [
        (provider.id, model.id)
        for provider in providers
        for model in provider.models
        if provider.find_model(model.id) is model and not priced_by_tokens(model.get_prices(NOON))
    ]
    assert by_the_hour
    for provider, model in by_the_hour:
        assert cost_of(ListPrices(), provider, model, NOON, 1000, 0, 0, 1000, 0) is None


def test_a_cost_beyond_the_column_is_no_price() -> None:
    most = 2**31 - 1
    cost = cost_of(ListPrices(), "openai", "gpt-4.5-preview", NOON, most, 0, 0, most, 0)
    assert cost is None or cost < 2**63


def test_a_flood_of_unknown_names_is_not_remembered_for_ever() -> None:
    prices = ListPrices()
    for number in range(12_000):
        assert cost_of(prices, "nobody", f"made-up-{number}", NOON, 1, 0, 0, 1, 0) is None
    assert prices._find.cache_info().currsize == 10_000
