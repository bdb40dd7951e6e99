"""What masking replaces, what it leaves, and what it costs whatever somebody writes."""

import json
import time
from typing import Any

import pytest

from resolvers.contents.defaults import DEFAULTS
from resolvers.contents.masking import Copy, Masking, MaskingRule, check_rules
from resolvers.errors import Invalid

MASKING = Masking(DEFAULTS)
SECRETS = [
    ("write to bob.o'hara+x@mail.example.com now", "write to [e-mail] now"),
    ("an jürgen@bücher.de", "an [e-mail]"),
    ("4111 1111 1111 1111, 5555-5555-5555-4444, 378282246310005", "[card], [card], [card]"),
    ("DE89 3704 0044 0532 0130 00 and FR1420041010050500013M02606", "[IBAN] and [IBAN]"),
    ("+33 6 12 34 56 78, 06 12 34 56 78, (555) 123-4567, +4915123456789", "[phone], [phone], [phone], [phone]"),
    ("sk-proj-abcdEFGH1234567890abcd", "[token]"),
    ("AKIAIOSFODNN7EXAMPLE ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[token] [token]"),
    ("vigie_0123456789abcdefghijklmnopqrstuvwxyz", "[token]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[token]"),
    ("Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123", "Authorization: [token]"),
    ("password=hunter22 rest", "[secret] rest"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- rest", "[private key] rest"),
]
HARMLESS = [
    "It cost 1,234,567.89 in 2026, at 10:00 on 2026-11-21.",
    "uuid 550e8400-e29b-41d4-a716-446655440000, trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "version 1.2.3.4, 192.168.100.200:8080, gpt-4o-2024-08-06, 1732170000000",
    "the password is not said",
]


@pytest.mark.parametrize(("text", "masked"), SECRETS)
def test_the_shipped_rules_find_secrets(text: str, masked: str) -> None:
    assert MASKING.text(text) == masked
    assert MASKING.text(f"«{text}»\n") == f"«{masked}»\n"


@pytest.mark.parametrize("text", HARMLESS)
def test_the_shipped_rules_leave_the_rest(text: str) -> None:
    assert MASKING.text(text) == text


def test_json_is_masked_in_each_text_name_and_long_number() -> None:
    sent = {"bob@example.com": [1, True, None, 2.5, 4111111111111111, {"a\nbob@example.com": "x\tbob@example.com"}]}
    assert MASKING.json(sent) == {"[e-mail]": [1, True, None, 2.5, "[card]", {"a\n[e-mail]": "x\t[e-mail]"}]}


def test_json_inside_a_text_is_masked_behind_its_escapes() -> None:
    text = json.dumps({"a": json.dumps("line\nsk-abcdefghijklmnopqrstuvwxyz\tAKIAIOSFODNN7EXAMPLE")})
    assert MASKING.text(text) == text.replace("sk-abcdefghijklmnopqrstuvwxyz", "[token]").replace(
        "AKIAIOSFODNN7EXAMPLE", "[token]"
    )


def test_a_replacement_stands_as_it_is() -> None:
    rules = check_rules([MaskingRule("names", r"(?i)alice|(b)ob", r"\1$1\g<0>"), MaskingRule("gone", "secret", "")])
    assert Masking(rules).text("Alice, bob: secret.") == r"\1$1\g<0>, \1$1\g<0>: ."


def test_a_rule_that_also_matches_nothing_changes_only_what_it_matches() -> None:
    assert Masking(check_rules([MaskingRule("edges", r"x|\b", "-")])).text("axb x") == "a-b -"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "no pattern that RE2 takes"),
        (r"(a)\1", "no pattern that RE2 takes"),
        ("(?=a)b", "no pattern that RE2 takes"),
        ("(?:a{1000}){1000}", "no pattern that RE2 takes"),
        ("a*", "empty text"),
        ("", "1 to 1,000 characters"),
        ("a" * 1001, "1 to 1,000 characters"),
        ("a\0b", "NUL"),
        ("\ud800", "surrogate"),
    ],
)
def test_a_pattern_that_cannot_be_applied_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refusal:
        check_rules([MaskingRule("fine", "a", ""), MaskingRule("bad", pattern, "")])
    assert refusal.value.field == "masking.1.pattern"


def test_rules_have_names_of_their_own_and_are_few() -> None:
    rule = MaskingRule("a", "a", "")
    for rules, said in (
        ([rule, rule], "same name"),
        ([rule] * 51, "at most 50"),
        ([MaskingRule(" ", "a", "")], "name"),
    ):
        with pytest.raises(Invalid, match=said):
            check_rules(rules)
    with pytest.raises(Invalid, match="replacement"):
        check_rules([MaskingRule("a", "a", "b" * 101)])


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+b", "(.*)(.*)(.*)(.*)x", "(?:a?){30}a{30}", r"(\w+\s?)+!"])
@pytest.mark.parametrize("text", ["a" * 100_000, "a " * 50_000, "é" * 100_000])
def test_no_pattern_runs_away(pattern: str, text: str) -> None:
    masking = Masking(check_rules([MaskingRule("slow elsewhere", pattern, "-")]))
    started = time.process_time()
    masking.text(text)
    assert time.process_time() - started < 2


def copied(value: Any, room: int) -> tuple[Any, bool]:
    copy = Copy(MASKING, room=room)
    return copy.of(value), copy.cut


def test_a_copy_takes_what_there_is_room_for() -> None:
    assert copied("short", 10) == ("short", False)
    assert copied("x" * 20, 10) == ("x" * 10, True)
    kept, cut = copied([{"role": "user", "content": "x" * 100}] * 100, 500)
    assert cut
    assert 200 < len(json.dumps(kept)) < 1000


def test_what_a_cut_leaves_of_a_secret_is_not_kept() -> None:
    for shift in range(40):
        text = "bob@example.com " * 400 + "y" * shift + " 4111 1111 1111 1111" * 3000
        kept, cut = copied(text, 6400)
        assert cut
        assert "@" not in kept
        assert "411" not in kept


def test_a_copy_of_millions_of_nothings_is_cheap() -> None:
    started = time.process_time()
    _, cut = copied([[]] * 5_000_000, 32_768)
    assert cut
    assert time.process_time() - started < 1


def test_what_is_nested_too_deeply_is_left_out() -> None:
    deep: Any = "end"
    for _ in range(500):
        deep = [deep]
    kept, cut = copied(deep, 32_768)
    assert cut
    assert "end" not in json.dumps(kept)


def test_half_characters_and_huge_numbers_become_text() -> None:
    assert MASKING.json({"a": "\ud800b", "b": 10**30}) == {"a": "?b", "b": str(10**30)}
