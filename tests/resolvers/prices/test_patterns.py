"""Patterns of models and providers, and which of two is more specific."""

import itertools

import pytest

from resolvers.prices.patterns import matches, overlap, rank


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("gpt-5", "gpt-5", True),
        ("gpt-5", "GPT-5", True),
        ("gpt-5", "gpt-5-mini", False),
        ("gpt-5*", "gpt-5", True),
        ("*-mini", "gpt-5-mini", True),
        ("g*5*i", "gpt-5-mini", True),
        ("a*a", "a", False),
        ("*a*a*", "aba", True),
        ("*", "", True),
        ("gpt.5", "gpt-5", False),
        ("[gpt]*", "gpt", False),
    ],
)
def test_a_star_is_any_characters(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not matches("*a" * 100 + "b", "a" * 200)


def test_two_patterns_overlap_when_a_text_fits_both() -> None:
    patterns = ["", "a", "b", "ab", "*", "a*", "*a", "*b", "b*", "a*b", "*ab*", "b*a", "ab*ba", "a**"]
    texts = ["".join(letters) for size in range(7) for letters in itertools.product("ab", repeat=size)]
    for one, other in itertools.product(patterns, repeat=2):
        both = any(matches(one, text) and matches(other, text) for text in texts)
        assert overlap(one, other) is both, (one, other)


def test_the_order_of_specificity() -> None:
    falling = [
        ("openai", "gpt-5"),
        ("open*", "gpt-5"),
        ("o*", "gpt-5"),
        (None, "gpt-5"),
        ("openai", "*pt-5*"),
        ("openai", "g*5"),
        ("*", "g*5"),
        (None, "g*5"),
        (None, "*"),
    ]
    assert sorted(falling, key=lambda pair: rank(*pair), reverse=True) == falling
