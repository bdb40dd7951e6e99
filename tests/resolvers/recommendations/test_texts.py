"""What findings say, in words of our own."""

import pytest

from integrations.wording import Words
from resolvers.recommendations.findings import Finding
from resolvers.recommendations.targets import Target
from resolvers.recommendations.texts import brief_of, named, words_of

FIGURES = {"calls": 1200, "cost_usd": 31.4, "days_without_api_calls": 14.0, "api_calls_before": 3}


def idle(subject: str) -> Finding:
    return Finding("IDLE_SUBJECT", Target(subject=subject), FIGURES, 3e13, 0.5)


def test_a_text_names_its_target_and_figures() -> None:
    assert words_of(idle("acme")) == Words(
        "Stop working for acme, who is idle",
        "acme made no API call for 14 days, while 1,200 model calls were made in that name. They cost $31.40. See "
        "which job makes them, and whether anybody needs it.",
    )


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("{subject}", "{subject}"),
        ("{model}{calls:x}", "{model}{calls:x}"),
        ("a\nb\x1b[31m\tc", "a b [31m c"),
        ("x" * 256, "x" * 79 + "…"),
    ],
)
def test_a_name_is_only_a_name(subject: str, shown: str) -> None:
    assert words_of(idle(subject)).title == f"Stop working for {shown}, who is idle"


def test_a_brief_has_no_names() -> None:
    brief = brief_of(idle("acme"))
    assert "acme" not in repr(brief)
    assert brief.names == ("subject",)
    assert brief.figures["saving_usd_a_month"] == 30
    assert named(Words(brief.title, brief.body), idle("acme")) == words_of(idle("acme"))
