"""Compares answers with the oracle: counts and money exactly, percentiles within 1 %, the rest but for rounding."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest

PERCENTILE = re.compile(r"p\d\dMs")


def agrees(answer: Any, expected: Any, where: str = "") -> None:
    """Raises AssertionError, naming the place, where an answer differs from what it must be."""
    match expected:
        case dict():
            assert isinstance(answer, dict), where
            assert answer.keys() == expected.keys(), where
            for name, value in expected.items():
                agrees(answer[name], value, f"{where}.{name}")
        case list():
            assert isinstance(answer, list), where
            assert len(answer) == len(expected), f"{where}: {answer!r} instead of {expected!r}"
            for place, value in enumerate(expected):
                agrees(answer[place], value, f"{where}[{place}]")
        case dt.datetime():
            assert answer.endswith("Z"), where
            assert dt.datetime.fromisoformat(answer) == expected, f"{where}: {answer} instead of {expected}"
        case Decimal():
            assert isinstance(answer, str), f"{where}: {answer!r} instead of {expected}"
            assert Decimal(answer) == expected, f"{where}: {answer} instead of {expected}"
        case float():
            assert answer is not None, f"{where}: null instead of {expected}"
            percentile = PERCENTILE.fullmatch(where.rpartition(".")[2])
            # Below half a microsecond a duration counts as none.
            near = pytest.approx(expected, rel=0.01, abs=5e-4) if percentile else pytest.approx(expected, rel=1e-9)
            assert float(answer) == near, where
        case _:
            assert answer == expected, f"{where}: {answer!r} instead of {expected!r}"
            assert type(answer) is type(expected), where
