"""Whatever comes in, the answer is a refusal of the request or of an event, never a fault."""

import contextlib
import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.prices import ListPrices
from resolvers.events.checks import Checked, Checker
from resolvers.events.decoding import Decoded, TooManyEvents, from_json, from_lines, from_objects
from resolvers.events.inputs import MOST_EVENTS, ApiCallInput, UsageEventInput
from resolvers.events.terms import IngestTerms
from resolvers.prices.book import PriceBook
from tests.resolvers.events.events import call, usage

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
FLOOR = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
BOOK = PriceBook([], ListPrices())
GOOD = json.dumps(usage(time="2026-11-20T12:00:00Z")).encode()


def outcome(decoded: Decoded) -> Checked:
    checked = Checked()
    Checker(project_id=1, now=NOW, terms=IngestTerms(floor=FLOOR, book=BOOK), suspect=decoded.suspect).check(
        decoded.events, checked
    )
    assert len(checked.usage) == len(checked.usage_at)
    assert len(checked.calls) == len(checked.calls_at)
    return checked


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
FIELDS = (*usage(), "provider", "tokens", "costUsd", "attributes", "error", "status", "method", "route", "durationMs")
nearly = st.builds(
    lambda base, fields: {**base, **fields},
    st.sampled_from([usage(time="2026-11-20T12:00:00Z"), call(time="2026-11-20T12:00:00Z")]),
    st.dictionaries(st.sampled_from(FIELDS), anything, max_size=3),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(anything | nearly, max_size=6))
def test_every_item_of_any_json_becomes_a_row_or_a_rejection(items: list[Any]) -> None:
    body = json.dumps({"events": items})
    try:
        decoded = from_json(body.encode())
    except msgspec.DecodeError:
        assert "NaN" in body or "Infinity" in body  # which Python writes, and JSON has not
        return
    checked = outcome(decoded)
    places = [*checked.usage_at, *checked.calls_at, *(rejection.index for rejection in checked.rejected)]
    assert sorted(places) == list(range(len(items)))
    json.dumps(msgspec.to_builtins(checked.rejected))


@settings(max_examples=400, deadline=None)
@given(st.lists(anything | nearly, max_size=6))
def test_every_object_of_python_becomes_a_row_or_a_rejection(items: list[Any]) -> None:
    for decoded in (from_objects(UsageEventInput, items), from_objects(ApiCallInput, items)):
        checked = outcome(decoded)
        assert len(checked.usage) + len(checked.calls) + len(checked.rejected) == len(items)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line) | st.just(GOOD), max_size=8))
def test_every_line_becomes_a_row_or_a_rejection_or_is_blank(lines: list[bytes]) -> None:
    checked = outcome(from_lines(b"\n".join(lines)))
    places = {*checked.usage_at, *checked.calls_at, *(rejection.index for rejection in checked.rejected)}
    assert places == {place for place, line in enumerate(lines) if line.strip()}
    assert checked.usage_at == [place for place, line in enumerate(lines) if line.strip() == GOOD]


@settings(max_examples=400, deadline=None)
@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        outcome(from_json(body))


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b"{}", b'{"events":{}}', b'{"events":[],"more":1}', b'"x"'])
def test_json_of_another_shape_is_told_apart(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        from_json(body)


@pytest.mark.parametrize("body", [b"", b"{", b'{"events":[', b'{"events":[{]}', b"events", b'{"events":[1]} x'])
def test_what_is_no_json_is_told_apart(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError) as refused:
        from_json(body)
    assert not isinstance(refused.value, msgspec.ValidationError)


@pytest.mark.parametrize("body", [b'{"events":["\xff"]}', b'{"events":[' + GOOD + b',{"model":"\xc3("}]}'])
def test_what_is_not_utf_8_is_told_apart(body: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        from_json(body)


def test_half_a_surrogate_pair_is_a_matter_of_one_event() -> None:
    bad = GOOD.replace(b"gpt-4", b"\\uD83d")
    whole = GOOD.replace(b"gpt-4", b"\\uD83d\\uDE00")
    checked = outcome(from_json(b'{"events":[' + b",".join([GOOD, bad, whole]) + b"]}"))
    assert (checked.usage_at, [rejection.field for rejection in checked.rejected]) == ([0, 2], ["model"])
    with pytest.raises(msgspec.ValidationError):
        from_json(b'{"events":"\\ud83d"}')
    with pytest.raises(msgspec.DecodeError):
        from_json(b'{"events":[NaN,"\\ud83d"]}')


@pytest.mark.parametrize("members", [b'"\\ud83d":1', b'"attributes":{"\\ud83d":1}', b'"attributes":{"a":"\\ud83d"}'])
def test_half_a_surrogate_pair_is_told_in_our_words(members: bytes) -> None:
    (rejection,) = outcome(from_json(b'{"events":[' + GOOD[:-1] + b"," + members + b"}]}")).rejected
    assert "half a surrogate pair" in rejection.message
    assert "codec" not in rejection.message


def test_a_body_nested_beyond_all_measure_is_refused() -> None:
    with pytest.raises(RecursionError):
        from_json(b'{"events":' + b"[" * 100_000)


def test_lines_may_be_blank_and_end_as_on_windows() -> None:
    checked = outcome(from_lines(GOOD + b"\r\n\r\n  \n" + GOOD + b"\n{\n\n"))
    assert checked.usage_at == [0, 3]
    assert [(rejection.index, rejection.field) for rejection in checked.rejected] == [(4, None)]


def test_two_events_on_a_line_are_none() -> None:
    checked = outcome(from_lines(GOOD + b"," + GOOD + b"\n" + GOOD + b" " + GOOD))
    assert [rejection.index for rejection in checked.rejected] == [0, 1]


def test_a_request_has_at_most_ten_thousand_events() -> None:
    many = [b"0"] * (MOST_EVENTS + 1)
    assert len(from_json(b'{"events":[' + b",".join(many[1:]) + b"]}").events) == MOST_EVENTS
    assert len(from_lines(b"\n".join(many[1:]) + b"\n").events) == MOST_EVENTS + 1
    for decode, body in ((from_json, b'{"events":[' + b",".join(many) + b"]}"), (from_lines, b"\n".join(many))):
        with pytest.raises(TooManyEvents):
            decode(body)
    with pytest.raises(TooManyEvents):
        from_objects(UsageEventInput, [{}] * (MOST_EVENTS + 1))
