"""Patterns of providers and models: `*` stands for any characters, also none; capitals do not matter."""

from typing import TypeAlias

STAR = "*"

Rank: TypeAlias = tuple[int, int, int, int]


def matches(pattern: str, text: str) -> bool:
    """Whether a text is one of those that a pattern stands for. Takes time in proportion to both, whatever they are."""
    first, *others = pattern.lower().split(STAR)
    text = text.lower()
    if not others:
        return text == first
    *middle, last = others
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def overlap(one: str, other: str) -> bool:
    """Whether some text fits both patterns."""
    if STAR not in one:
        return matches(other, one)
    if STAR not in other:
        return matches(one, other)
    # Between its ends a pattern leaves room for all that another one wants there: only the ends can disagree.
    starts = sorted((one.lower().split(STAR)[0], other.lower().split(STAR)[0]), key=len)
    ends = sorted((one.lower().split(STAR)[-1], other.lower().split(STAR)[-1]), key=len)
    return starts[1].startswith(starts[0]) and ends[1].endswith(ends[0])


def rank(provider: str | None, model: str) -> Rank:
    """How specific a pair of patterns is; of those that fit a call, the greatest counts.

    A whole model before a pattern, a pattern with more characters besides its stars before one with fewer; among
    equals a whole provider before a pattern, and that before none, again by the number of characters.
    """
    return (*_rank(model), *((-1, 0) if provider is None else _rank(provider)))


def _rank(pattern: str) -> tuple[int, int]:
    whole = STAR not in pattern
    return int(whole), 0 if whole else len(pattern) - pattern.count(STAR)
