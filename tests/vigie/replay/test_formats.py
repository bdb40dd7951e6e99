"""Each format of traces, line by line."""

import datetime as dt

import pytest

from vigie.replay.formats import FormatError, LineError, call_of_access_log, detect, event_of_json, reader, time_of

AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens"
APACHE = (
    '83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /images/kibana.png?v=2 HTTP/1.1" 200 203023 '
    '"http://example.com/" "Mozilla/5.0 (X11; \\"odd\\" Linux)"'
)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ([AZURE], "azure"),
        (["\ufeffTIMESTAMP,ContextTokens,GeneratedTokens"], "azure"),
        (["timestamp,model,generatedtokens,contexttokens"], "azure"),
        ([APACHE], "access-log"),
        (["garbage", APACHE], "access-log"),
        (['{"type": "usage", "model": "m"}'], "events"),
    ],
)
def test_a_format_is_recognised_by_its_first_lines(lines: list[str], name: str) -> None:
    assert detect(lines) == name


@pytest.mark.parametrize("lines", [[], ["garbage"], ["a,b,c", "1,2,3"], ['{"level": "info"}']])
def test_what_looks_like_nothing_is_refused(lines: list[str]) -> None:
    with pytest.raises(FormatError, match="combined format"):
        detect(lines)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2023-11-16 18:15:46.6805900", utc(2023, 11, 16, 18, 15, 46, 680590)),
        ("2023-11-16 18:15:46.6805906", utc(2023, 11, 16, 18, 15, 46, 680591)),
        ("2023-11-16 18:15:46.9999999", utc(2023, 11, 16, 18, 15, 47)),
        ("2023-11-16 18:15:46", utc(2023, 11, 16, 18, 15, 46)),
        ("2024-05-10 00:00:00.009930+00:00", utc(2024, 5, 10, 0, 0, 0, 9930)),
        ("2024-05-10T02:00:00.5+02:00", utc(2024, 5, 10, 0, 0, 0, 500000)),
    ],
)
def test_an_azure_line_is_a_model_call(text: str, time: dt.datetime) -> None:
    event = reader("azure", AZURE, model="gpt-4", provider="azure")(f"{text},374,44")
    assert event is not None
    assert time_of(event) == time
    assert event == {
        "type": "usage",
        "time": event["time"],
        "provider": "azure",
        "model": "gpt-4",
        "tokens": {"input": 374, "output": 44},
    }


def test_azure_columns_are_found_by_name() -> None:
    read = reader("azure", "GeneratedTokens,TIMESTAMP,ContextTokens", model="m", provider="p")
    event = read("44,2023-11-16 18:15:46,374")
    assert event is not None
    assert event["tokens"] == {"input": 374, "output": 44}
    assert read("GeneratedTokens,TIMESTAMP,ContextTokens") is None


@pytest.mark.parametrize(
    "line", ["", "2023-11-16 18:15:46,1", "yesterday,1,2", "2023-13-16 18:15:46,1,2", "2023-11-16 18:15:46,-1,2"]
)
def test_a_broken_azure_line_says_why(line: str) -> None:
    with pytest.raises(LineError):
        reader("azure", AZURE, model="m", provider="p")(line)


def test_an_access_log_line_is_a_served_request() -> None:
    assert call_of_access_log(APACHE) == {
        "type": "apiCall",
        "time": utc(2015, 5, 17, 10, 5, 3),
        "method": "GET",
        "route": "/images/kibana.png",
        "status": 200,
        "responseBytes": 203023,
    }


@pytest.mark.parametrize(
    ("request_line", "method", "route"),
    [
        ("GET / HTTP/1.0", "GET", "/"),
        ("POST /a%20b?c=/d?e HTTP/2.0", "POST", "/a%20b"),
        ("GET /old-style", "GET", "/old-style"),
        ("OPTIONS * HTTP/1.1", "OPTIONS", "*"),
        ("GET http://example.com/proxied?x=1 HTTP/1.1", "GET", "/proxied"),
        ("GET /with spaces in it HTTP/1.1", "GET", "/with spaces in it"),
        ('GET /\\"quoted\\" HTTP/1.1', "GET", '/\\"quoted\\"'),
        ("GET ?only=query HTTP/1.1", "GET", "/"),
    ],
)
def test_a_route_is_the_path_without_its_query(request_line: str, method: str, route: str) -> None:
    event = call_of_access_log(f'::1 - frank [17/May/2015:12:05:03 +0200] "{request_line}" 404 -')
    assert (event["method"], event["route"]) == (method, route)
    assert (event["status"], event["responseBytes"]) == (404, 0)
    assert event["time"] == utc(2015, 5, 17, 10, 5, 3)


def test_what_stands_before_the_time_does_not_matter() -> None:
    assert call_of_access_log("shop.example:443 " + APACHE)["status"] == 200
    assert call_of_access_log(APACHE.replace("- - [", "- a user [of us] [", 1))["status"] == 200


@pytest.mark.parametrize(
    "line",
    [
        "",
        "garbage",
        '::1 - - [17/May/2015:10:05:03 +0000] "-" 408 0',
        '::1 - - [17/May/2015:10:05:03 +0000] "\\x16\\x03\\x01" 400 226',
        '::1 - - [32/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
        '::1 - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
        '::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200',
        '::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1 200 17',
    ],
)
def test_a_broken_access_log_line_says_why(line: str) -> None:
    with pytest.raises(LineError):
        call_of_access_log(line)


def test_an_event_of_ours_stays_as_it_is() -> None:
    assert event_of_json('{"type": "apiCall", "time": "soon", "x": 1}') == {"type": "apiCall", "time": "soon", "x": 1}
    for line in ("[]", "3", "{", '{"type": "bug"}', "null"):
        with pytest.raises(LineError):
            event_of_json(line)


@pytest.mark.parametrize("time", ["soon", "2026-01-01T00:00:00", None, 17])
def test_a_time_that_nobody_understands_is_none(time: object) -> None:
    assert time_of({"time": time}) is None
