"""Conditions, as Gatus means them."""

import datetime as dt

import pytest

from integrations.http_checks import Answer
from resolvers.errors import Invalid
from resolvers.health_checks.conditions import parse_condition

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
BODY = b'{"ok": true, "n": 3, "name": "john doe", "null": null, "list": [{"id": 7}, 2], "nested": {"a-b": "x"}}'
ANSWER = Answer(
    latency_ms=123.4,
    status_code=200,
    body=BODY,
    address="127.0.0.1",
    certificate_expires_at=NOW + dt.timedelta(hours=100),
)

HOLD = [
    "[STATUS] == 200",
    "[STATUS]==200",
    "  [STATUS]  ==  200  ",
    "[STATUS] != 500",
    "[STATUS] < 300",
    "[STATUS] <= 200",
    "200 == [STATUS]",
    "[STATUS] == any(200, 204)",
    "[STATUS] != any(404, 500)",
    "[STATUS] == pat(2*)",
    "[RESPONSE_TIME] < 500",
    "[RESPONSE_TIME] < 1s",
    "[RESPONSE_TIME] > 100ms",
    "[CERTIFICATE_EXPIRATION] > 72h",
    "[CERTIFICATE_EXPIRATION] < 1000h",
    "[CERTIFICATE_EXPIRATION] > 3h30m",
    "[CONNECTED] == true",
    "[IP] == 127.0.0.1",
    "[BODY].ok == true",
    "[BODY].ok != false",
    "[BODY].n == 3",
    "[BODY].n >= 3.0",
    "[BODY].name == john doe",
    "[BODY].name == pat(john*)",
    "[BODY].name != pat(*smith)",
    "[BODY].name == any(jane, pat(john*))",
    "[BODY].null == null",
    "[BODY].list[0].id == 7",
    "[BODY].list[1] == 2",
    "[BODY].nested.a-b == x",
    "[BODY] == pat(*john*)",
    "len([BODY].list) == 2",
    "len([BODY].name) > 3",
    "len([BODY]) == 6",
    "has([BODY].nested.a-b) == true",
    "has([BODY].errors) == false",
]
FAIL = {
    "[STATUS] == 201": "[STATUS] == 201: it is 200",
    "[STATUS] > any": "[STATUS] > any: it is 200",
    "[RESPONSE_TIME] < 100": "[RESPONSE_TIME] < 100: it is 123",
    "[CERTIFICATE_EXPIRATION] > 200h": "[CERTIFICATE_EXPIRATION] > 200h: it is 100h",
    "[BODY].name == secret": "[BODY].name == secret: it is not",
    "[BODY].missing == 1": "[BODY].missing == 1: there is none",
    "[BODY].missing != 1": "[BODY].missing != 1: there is none",
    "[BODY].list[9] == 2": "[BODY].list[9] == 2: there is none",
    "[BODY].list.id == 2": "[BODY].list.id == 2: there is none",
    "len([BODY].n) == 1": "len([BODY].n) == 1: there is none",
    "[BODY].name > 3": "[BODY].name > 3: it is not",
}


@pytest.mark.parametrize("text", HOLD)
def test_it_holds(text: str) -> None:
    assert parse_condition(text, field="conditions.0").failure(ANSWER, now=NOW) is None


@pytest.mark.parametrize("text", FAIL)
def test_it_does_not_hold_and_says_why(text: str) -> None:
    assert parse_condition(text, field="conditions.0").failure(ANSWER, now=NOW) == FAIL[text]


@pytest.mark.parametrize("text", ["[CERTIFICATE_EXPIRATION] > 1h", "[BODY].ok == true", "[IP] == 1.1.1.1"])
def test_what_an_answer_lacks_meets_nothing(text: str) -> None:
    nothing = Answer(1.0, status_code=200, body=b"not json")
    assert parse_condition(text, field="c").failure(nothing, now=NOW) == f"{text}: there is none"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no condition"),
        ("[STATUS]", "no condition"),
        ("[STATUS] = 200", "no condition"),
        ("== 200", "no condition"),
        ("[STATUS] == ", "no condition"),
        ("[DOMAIN_EXPIRATION] > 1h", r"\[DOMAIN_EXPIRATION\] is not known here"),
        ("[STATUS].x == 1", "a path goes into"),
        ("[BODY]..x == 1", "a path goes into"),
        ("[status] == 200", "not understood"),
        ("len([STATUS]) == 3", "not understood"),
        ("eval([BODY]) == 3", "not understood"),
        ("1 == 1", "asks nothing"),
        ("[STATUS] > any(200)", "goes with == and !="),
        ("[STATUS] == " + "2" * 500, "no condition"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as refusal:
        parse_condition(text, field="conditions.3")
    assert refusal.value.field == "conditions.3"
