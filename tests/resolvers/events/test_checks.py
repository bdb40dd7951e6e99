"""Each limit has its message: it names the field, the limit and the remedy."""

import datetime as dt
from decimal import Decimal
from typing import Any

import orjson
import pytest

from integrations.prices import ListPrices
from resolvers.events.checks import Checked, Checker
from resolvers.events.decoding import Decoded, from_json, from_objects
from resolvers.events.inputs import ApiCallInput, UsageEventInput
from resolvers.events.rejections import Rejection
from resolvers.events.stores import CALLS, USAGE
from resolvers.events.terms import IngestTerms
from resolvers.prices.book import PriceBook
from tests.resolvers.events.events import call, usage

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
FLOOR = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BOOK = PriceBook([], ListPrices())
TIME = "2026-11-20T12:00:00Z"


def checked(decoded: Decoded) -> Checked:
    result = Checked()
    checker = Checker(project_id=1, now=NOW, terms=IngestTerms(floor=FLOOR, book=BOOK), suspect=decoded.suspect)
    checker.check(decoded.events, result)
    return result


def check(*events: Any) -> Checked:
    return checked(from_json(orjson.dumps({"events": events})))


def rejection(event: Any) -> Rejection:
    """The one rejection of an event that stands between two good ones."""
    result = check(usage(time=TIME), event, call(time=TIME))
    assert (len(result.usage), result.usage_at, len(result.calls), result.calls_at) == (1, [0], 1, [2])
    (rejection,) = result.rejected
    assert rejection.index == 1
    return rejection


def column(result: Checked, name: str) -> Any:
    """What the only row has in a column."""
    if result.usage:
        return result.usage[0][USAGE.columns.index(name)]
    return result.calls[0][CALLS.columns.index(name)]


WRONG_USAGE: list[tuple[dict[str, Any], str, str]] = [
    ({"id": ""}, "id", "1 to 128"),
    ({"id": "x" * 129}, "id", "1 to 128"),
    ({"id": 7}, "id", "string"),
    ({"provider": "x" * 101}, "provider", "100"),
    ({"model": ""}, "model", "1 to 200"),
    ({"model": "x" * 201}, "model", "1 to 200"),
    ({"operation": "x" * 101}, "operation", "100"),
    ({"subject": "x" * 257}, "subject", "256"),
    ({"environment": ""}, "environment", "leave it out"),
    ({"traceId": "x" * 129}, "traceId", "128"),
    ({"sessionId": "x" * 257}, "sessionId", "256"),
    ({"status": "failed"}, "status", "aborted"),
    ({"status": 200}, "status", "aborted"),
    ({"error": "boom"}, "error", "object"),
    ({"error": {}}, "error.type", "required"),
    ({"error": {"type": "x" * 201}}, "error.type", "200"),
    ({"error": {"type": "x", "message": "x" * 4097}}, "error.message", "4096"),
    ({"error": {"type": "x", "code": 1}}, "error.code", "not a field"),
    ({"durationMs": -1}, "durationMs", "from 0 to 1000000000"),
    ({"durationMs": 1e10}, "durationMs", "from 0 to 1000000000"),
    ({"durationMs": "12"}, "durationMs", "number"),
    ({"timeToFirstTokenMs": -0.5}, "timeToFirstTokenMs", "from 0"),
    ({"tokens": 5}, "tokens", "cacheRead"),
    ({"tokens": {"input": -1}}, "tokens.input", "2147483647"),
    ({"tokens": {"input": 2**31}}, "tokens.input", "2147483647"),
    ({"tokens": {"output": 1.5}}, "tokens.output", "whole number"),
    ({"tokens": {"cached": 1}}, "tokens.cached", "not a field"),
    ({"tokens": {"input": 10, "cacheRead": 8, "cacheWrite": 3}}, "tokens.input", "at least"),
    ({"tokens": {"cacheRead": 1}}, "tokens.input", "at least"),
    ({"tokens": {"output": 10, "reasoning": 11}}, "tokens.output", "at least"),
    ({"costUsd": -0.1}, "costUsd", "from 0 to 1000000"),
    ({"costUsd": "1000000.01"}, "costUsd", "from 0 to 1000000"),
    ({"costUsd": "NaN"}, "costUsd", "dollars"),
    ({"costUsd": "Infinity"}, "costUsd", "dollars"),
    ({"costUsd": "1e999999999"}, "costUsd", "dollars"),
    ({"costUsd": "cheap"}, "costUsd", "dollars"),
    ({"costUsd": [1]}, "costUsd", "dollars"),
    ({"estimated": 1}, "estimated", "true or false"),
    ({"attributes": []}, "attributes", "object"),
    ({"attributes": {str(number): 1 for number in range(33)}}, "attributes", "32 keys"),
    ({"attributes": {"x" * 129: 1}}, "attributes", "128"),
    ({"attributes": {"a": "x" * 1023}}, "attributes", "1024"),
    ({"attributes": {"a": 1, "b": ["x" * 200] * 6}}, "attributes", "`b`"),
    ({"attributes": {"a": "\0"}}, "attributes", "NUL"),
    ({"attributes": {"\0": 1}}, "attributes", "NUL"),
    ({"attributes": {"a": [{"b": ["\0"]}]}}, "attributes", "NUL"),
    ({"model": "a\0b"}, "model", "NUL"),
    ({"id": "\0"}, "id", "NUL"),
    ({"subject": "\0"}, "subject", "NUL"),
    ({"error": {"type": "x", "message": "\0"}}, "error.message", "NUL"),
    ({"route": "/"}, "route", "not a field"),
    ({"foo": 1}, "foo", "`attributes`"),
    ({"time": None}, "time", "required"),
    ({"time": "2026-11-20T12:00:00"}, "time", "offset"),
    ({"time": "yesterday"}, "time", "RFC 3339"),
    ({"time": 1700000000}, "time", "RFC 3339"),
    ({"model": None}, "model", "required"),
    ({"type": None}, "type", "required"),
    ({"type": "log"}, "type", "apiCall"),
]
WRONG_CALLS: list[tuple[dict[str, Any], str, str]] = [
    ({"method": ""}, "method", "16"),
    ({"method": "x" * 17}, "method", "16"),
    ({"method": "G T"}, "method", "HTTP method"),
    ({"method": "ß" * 16}, "method", "HTTP method"),
    ({"method": None}, "method", "required"),
    ({"route": "x" * 2001}, "route", "2000"),
    ({"route": "é" * 1001}, "route", "2000 UTF-8 bytes"),
    ({"route": None}, "route", "required"),
    ({"route": "\0"}, "route", "NUL"),
    ({"status": 99}, "status", "100 to 599"),
    ({"status": 600}, "status", "100 to 599"),
    ({"status": "200"}, "status", "100 to 599"),
    ({"status": None}, "status", "required"),
    ({"requestBytes": -1}, "requestBytes", "1125899906842624"),
    ({"responseBytes": 2**50 + 1}, "responseBytes", "1125899906842624"),
    ({"cache": "stale"}, "cache", "miss"),
    ({"tokens": {}}, "tokens", "not a field"),
]


@pytest.mark.parametrize(("fields", "field", "words"), WRONG_USAGE)
def test_a_usage_event_beyond_a_limit_is_refused(fields: dict[str, Any], field: str, words: str) -> None:
    refused = rejection({**usage(time=TIME), **fields} if None not in fields.values() else usage(**fields))
    assert (refused.code, refused.field) == ("INVALID", field)
    assert words in refused.message
    assert f"`{field}`" in refused.message or "attributes" in refused.message


@pytest.mark.parametrize(("fields", "field", "words"), WRONG_CALLS)
def test_an_api_call_beyond_a_limit_is_refused(fields: dict[str, Any], field: str, words: str) -> None:
    refused = rejection(call(**{"time": TIME, **fields}))
    assert (refused.code, refused.field) == ("INVALID", field)
    assert words in refused.message


@pytest.mark.parametrize("event", [None, 7, "x", [], [usage()]])
def test_what_is_no_object_is_refused(event: Any) -> None:
    assert "object" in rejection(event).message


def test_the_greatest_values_are_taken() -> None:
    most = 2**31 - 1
    result = check(
        usage(
            "i" * 128,
            time=TIME,
            model="é" * 200,
            subject="s" * 256,
            durationMs=1e9,
            tokens={"input": most, "output": most, "cacheRead": most, "reasoning": most},
            costUsd=1_000_000,
            error={"type": "t" * 200, "message": "m" * 4096},
            attributes={f"{number:0128}": "x" * 1022 for number in range(32)},
        ),
        call(time=TIME, route="é" * 1000, status=599, requestBytes=2**50, method="x" * 16),
    )
    assert result.rejected == []
    assert column(result, "cost_picousd") == 10**18
    assert (column(result, "uncached_tokens"), column(result, "visible_tokens")) == (0, 0)


def test_null_is_the_same_as_leaving_out() -> None:
    optional = set(UsageEventInput.__struct_encode_fields__) - {"time", "model"}
    nulls = {**usage(time=TIME, provider=None), **dict.fromkeys(optional)}
    result = check(nulls, {**usage(time=TIME, provider=None), "tokens": {"input": None, "cacheRead": None}})
    assert result.rejected == []
    (first, second) = result.usage
    assert first[3:] == second[3:]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (0.1, 10**11),
        ("0.1", 10**11),
        (3, 3 * 10**12),
        ("0.0000000000015", 2),
        ("0.0000000000025", 2),
        ("0.00000000000251", 3),
        ("1e-400", 0),
        ("999999.999999999999", 999_999_999_999_999_999),
    ],
)
def test_a_providers_own_cost_is_exact_to_twelve_decimals(sent: Any, stored: int) -> None:
    result = check(usage(time=TIME, costUsd=sent))
    assert (column(result, "cost_picousd"), column(result, "cost_source")) == (stored, "provider")


@pytest.mark.parametrize("time", ["2025-12-31T23:59:59.999999Z", "1999-12-31T00:00:00Z", "0001-01-01T00:00:00+23:59"])
def test_a_time_before_the_floor_is_out_of_range(time: str) -> None:
    refused = rejection(usage(time=time))
    assert (refused.code, refused.field) == ("TIME_OUT_OF_RANGE", "time")
    assert "2026-01-01T00:00:00Z" in refused.message


@pytest.mark.parametrize("time", ["2026-11-20T12:05:00.000001Z", "9999-12-31T23:59:59.999999-23:59"])
def test_a_time_in_the_future_is_out_of_range(time: str) -> None:
    refused = rejection(call(time=time))
    assert (refused.code, refused.field) == ("TIME_OUT_OF_RANGE", "time")
    assert "5 minutes" in refused.message


def test_both_ends_of_the_range_are_inside() -> None:
    assert check(usage(time="2026-01-01T00:00:00Z"), usage(time="2026-11-20T13:05:00+01:00")).rejected == []


@pytest.mark.parametrize(("sent", "stored"), [("get", "GET"), ("Purge", "PURGE"), ("M-SEARCH", "M-SEARCH")])
def test_methods_are_upper_case(sent: str, stored: str) -> None:
    assert column(check(call(time=TIME, method=sent)), "method") == stored


def test_ids_are_made_in_order_of_time() -> None:
    result = check(*(usage(time=TIME) for _ in range(100)))
    ids = [row[2] for row in result.usage]
    assert len(set(ids)) == 100
    assert [id_[:13] for id_ in ids] == sorted(id_[:13] for id_ in ids)


@pytest.mark.parametrize("value", ["1e999", "-1e400", "1" * 400, "9223372036854775808", "[1e309]", '{"a":[-1e999]}'])
def test_a_number_that_nobody_could_read_back_is_refused_alone(value: str) -> None:
    good = orjson.dumps(usage(time=TIME)).decode()
    bad = good.removesuffix("}") + f',"attributes":{{"a":{value}}}}}'
    result = checked(from_json(f'{{"events":[{good},{bad},{good}]}}'.encode()))
    assert result.usage_at == [0, 2]
    assert [rejection.field for rejection in result.rejected] == ["attributes"]


@pytest.mark.parametrize("depth", [17, 300, 900])
def test_deep_attributes_are_refused_alone(depth: int) -> None:
    good = orjson.dumps(usage(time=TIME)).decode()
    bad = good.removesuffix("}") + f',"attributes":{{"a":{"[" * depth}{"]" * depth}}}}}'
    result = checked(from_json(f'{{"events":[{good},{bad},{good}]}}'.encode()))
    assert result.usage_at == [0, 2]
    assert [rejection.index for rejection in result.rejected] == [1]


def test_attributes_of_any_shape_are_kept() -> None:
    attributes = {"a": [1, 2.5, None, True, {"b": {}}], "": "empty", "\\u0000": "no NUL", "é": "😀", "n": -(2**63) + 1}
    result = check(usage(time=TIME, attributes=attributes))
    assert orjson.loads(column(result, "attributes")) == attributes


def test_half_a_surrogate_pair_is_refused_in_any_field() -> None:
    half = "\ud83d"
    for name in ("id", "provider", "model", "operation", "subject", "environment", "traceId", "sessionId"):
        (refused,) = checked(from_objects(UsageEventInput, [{"time": NOW, "model": "m", name: half}])).rejected
        assert (refused.code, refused.field) == ("INVALID", name)
    (refused,) = checked(
        from_objects(ApiCallInput, [{"time": NOW, "method": "GET", "route": half, "status": 200}])
    ).rejected
    assert refused.field == "route"


def test_objects_of_python_pass_the_same_checks() -> None:
    good = {"time": NOW, "model": "m", "costUsd": Decimal("0.5"), "tokens": {"input": 3}, "attributes": {"a": [1]}}
    odd: list[dict[str, Any]] = [
        {"attributes": {"a": float("inf")}},
        {"attributes": {"a": float("nan")}},
        {"attributes": {"a": 2**64}},
        {"attributes": {"a": {1: 2}}},
        {"attributes": {"a": Decimal(1)}},
        {"attributes": {"a": object()}},
        {"attributes": {"a": "\ud83d"}},
        {"attributes": {"\ud83d": 1}},
        {"durationMs": float("nan")},
        {"costUsd": Decimal("NaN")},
        {"costUsd": Decimal("sNaN")},
        {"model": None},
        {"time": NOW.replace(tzinfo=None)},
        {"status": "lost"},
        {"nope": 1},
    ]
    result = checked(from_objects(UsageEventInput, [good, *({**good, **fields} for fields in odd)]))
    assert result.usage_at == [0]
    assert column(result, "cost_picousd") == 5 * 10**11
    assert [rejection.index for rejection in result.rejected] == list(range(1, len(odd) + 1))
    assert [rejection.field for rejection in result.rejected] == [next(iter(fields)) for fields in odd]
