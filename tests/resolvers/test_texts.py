"""Texts and JSON as they may be."""

from typing import Any

import pytest

from resolvers.errors import Invalid
from resolvers.texts import check_json, check_optional_text, check_text


def test_blanks_around_a_text_are_dropped() -> None:
    assert check_text("  a b ", field="title", most=3) == "a b"
    assert check_optional_text(" \n", field="body", most=3) is None
    assert check_optional_text(None, field="body", most=3) is None


@pytest.mark.parametrize("text", ["", "  ", "abcd", "a\0", "\ud800"])
def test_what_nobody_could_store_or_read_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_text(text, field="title", most=3)
    assert refusal.value.field == "title"


@pytest.mark.parametrize("value", [{"a": [1, None, 1.5, "é"]}, [], "x", "\\u0000", "\\\\u0000"])
def test_json_is_kept(value: Any) -> None:
    assert check_json(value, field="evidence", most_kib=1) == value


@pytest.mark.parametrize("value", ["\0", {"\0": 1}, "\\\0", "\ud800", {"a": 2**64}, "x" * 1024])
def test_json_that_no_database_takes_is_refused(value: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        check_json(value, field="evidence", most_kib=1)
    assert refusal.value.field == "evidence"
