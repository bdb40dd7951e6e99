"""GraphQL over HTTP: what each request is answered, by status, type and code."""

import asyncio
import gzip
from typing import Any

import httpx2
import orjson
import pytest
from graphql import get_introspection_query

from tests.schema.serving import Serving, answered

pytestmark = pytest.mark.anyio

RESPONSE = "application/graphql-response+json"
JSON = "application/json"


def code(response: httpx2.Response) -> str:
    """The code of the only error."""
    (error,) = response.json()["errors"]
    return str(error["extensions"]["code"])


async def send(serving: Serving, content: bytes, **headers: str) -> httpx2.Response:
    declared = {"content-type": JSON, "accept": RESPONSE} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return await serving.http.post(serving.url, content=content, headers=declared)


async def test_a_query_is_answered(serving: Serving) -> None:
    response = await serving.post("query Q($name: String!) { hello(name: $name) }", {"name": "Ada"})
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{RESPONSE}; charset=utf-8"
    assert response.json() == answered(1, hello="hello Ada")


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (RESPONSE, RESPONSE),
        (f"{RESPONSE}, {JSON}", RESPONSE),
        (f"{RESPONSE};q=0.1, {JSON}", JSON),
        (f"{RESPONSE}; charset=utf-8, */*;q=0.1", RESPONSE),
        (f"{RESPONSE};q=0, */*", JSON),
        ("text/html, */*;q=0.8", JSON),
    ],
)
async def test_accept_decides_the_media_type(serving: Serving, accept: str, answered: str) -> None:
    response = await serving.post("{ hello }", accept=accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", "image/png", f"{JSON};q=0", f"{RESPONSE}; charset=utf-16"])
async def test_an_accept_that_nothing_fits_is_406(serving: Serving, accept: str) -> None:
    response = await serving.post("{ hello }", accept=accept)
    assert response.status_code == 406
    assert response.headers["content-type"] == f"{JSON}; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{", None, "GRAPHQL_PARSE_FAILED"),
        ("{ helo }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query ($n: BigInt!) { after(number: $n) }", {"n": "1"}, "BAD_USER_INPUT"),
        ("query ($n: BigInt!) { after(number: $n) }", None, "BAD_USER_INPUT"),
        ("query A { hello } query B { hello }", None, "BAD_USER_INPUT"),
    ],
)
async def test_what_does_not_run_is_400_and_to_older_clients_200(
    serving: Serving, query: str, variables: dict[str, Any] | None, expected: str
) -> None:
    for accept, status in ((RESPONSE, 400), (JSON, 200)):
        response = await serving.post(query, variables, accept=accept)
        assert (response.status_code, code(response)) == (status, expected)
        assert "data" not in response.json()


async def test_integers_of_thousands_of_digits_do_not_validate(serving: Serving) -> None:
    response = await serving.post(f"{{ after(number: 1, step: {'9' * 5000}) }}")
    assert (response.status_code, code(response)) == (400, "GRAPHQL_VALIDATION_FAILED")
    assert len(response.content) < 200


async def test_messages_suggest_nothing(serving: Serving) -> None:
    for query in ("{ helo }", "{ hello(nam: 1) }", "fragment F on Quer { hello } { ...F }", "{ hello @skp(if: true) }"):
        response = await serving.post(query)
        assert "Did you mean" not in response.text
        assert response.status_code == 400


async def test_an_operation_is_chosen_by_name(serving: Serving) -> None:
    content = orjson.dumps({"query": 'query A { hello } query B { hello(name: "B") }', "operationName": "B"})
    assert (await send(serving, content)).json() == answered(1, hello="hello B")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"1",
        b'"{ hello }"',
        b"not json",
        b'{"query": "{ hello }"',
        b"\xff\xfe",
        '{"query": "{ hello(name: \\"é\\") }"}'.encode("latin-1"),
        b"[" * 100_000 + b"]" * 100_000,
        b'{"query": "{ hello }", "variables": {"n": ' + b"9" * 5000 + b"}}",
        b'{"query": "{ hello }", "variables": {"n": 1e999}}',
        b'{"query": "{ hello }", "variables": {"n": NaN}}',
        b'{"query": "{ hello(name: \\"\\ud800\\") }"}',
        b'[{"query": "{ hello }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": ["{ hello }"]}',
        b'{"query": "{ hello }", "variables": []}',
        b'{"query": "{ hello }", "variables": "{}"}',
        b'{"query": "{ hello }", "operationName": 1}',
        b'{"query": "{ hello }", "operationName": {}}',
        b'{"query": "{ hello }", "extensions": "x"}',
    ],
)
@pytest.mark.parametrize("accept", [RESPONSE, JSON])
async def test_what_is_no_graphql_request_is_400(serving: Serving, content: bytes, accept: str) -> None:
    response = await send(serving, content, accept=accept)
    assert response.status_code == 400
    assert code(response) == "BAD_USER_INPUT"


async def test_null_members_and_a_byte_order_mark_are_tolerated(serving: Serving) -> None:
    content = b'\xef\xbb\xbf{"query": "{ hello }", "variables": null, "operationName": null, "extensions": null}'
    assert (await send(serving, content)).json() == answered(1, hello="hello you")


async def test_values_nested_deeply_are_refused_and_not_fatal(serving: Serving) -> None:
    for depth in (65, 200, 900):
        content = b'{"query": "query ($v: JSON!) { echo(value: $v) }", "variables": {"v": %b1%b}}'
        response = await send(serving, content % (b"[" * depth, b"]" * depth))
        assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    ("declared", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('application/json;charset="UTF-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/graphql", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ],
)
async def test_a_body_must_be_declared_as_json(serving: Serving, declared: str, status: int) -> None:
    response = await send(serving, b'{"query": "{ hello }"}', content_type=declared)
    assert response.status_code == status


async def test_a_compressed_body_is_415(serving: Serving) -> None:
    content = gzip.compress(b'{"query": "{ hello }"}')
    response = await send(serving, content, content_encoding="gzip")
    assert response.status_code == 415


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_405(serving: Serving, method: str) -> None:
    response = await serving.http.request(method, serving.url)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_get_runs_queries_only(serving: Serving) -> None:
    query = {"query": "query ($n: BigInt!) { after(number: $n) }", "variables": '{"n": 1}'}
    response = await serving.http.get(serving.url, params=query, headers={"accept": RESPONSE})
    assert response.json() == answered(1, after=2)
    response = await serving.http.get(serving.url, params={"query": "mutation { bump(by: 1) { count } }"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    response = await serving.http.get(serving.url, params={"query": "{ hello }", "variables": "{"})
    assert response.status_code == 400
    assert (await serving.http.get(serving.url)).status_code == 400


async def test_subscriptions_are_sent_to_the_socket(serving: Serving) -> None:
    response = await serving.post("subscription { count(to: 1) }")
    assert response.status_code == 400
    assert "WebSocket" in response.text


async def test_a_browser_without_a_query_gets_the_page(serving: Serving) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    async with httpx2.AsyncClient(headers=browser) as client:
        response = await client.get(serving.url)
        assert (response.status_code, response.text) == (200, "<title>GraphiQL</title>")
        assert (await client.head(serving.url)).status_code == 200
        assert (await client.get(serving.url, params={"query": "{ hello }"})).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer nobody"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Basic YTpi"}, 401),
        ({"Authorization": "bearer reader-key"}, 200),
        ({"X-API-Key": "reader-key"}, 200),
        ({"Authorization": "Basic YTpi", "X-API-Key": "reader-key"}, 200),
    ],
)
async def test_a_key_is_needed(serving: Serving, headers: dict[str, str], status: int) -> None:
    async with httpx2.AsyncClient(headers=headers) as client:
        response = await client.post(serving.url, json={"query": "{ hello }"})
    assert response.status_code == status
    if status == 401:
        assert code(response) == "UNAUTHENTICATED"
        assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_body_beyond_the_limit_is_413() -> None:
    async with Serving.start(max_body=1_000_000) as serving:
        assert (await send(serving, b'{"query": "{ hello }"}'.ljust(1_000_000))).status_code == 200
        for size in (1_000_001, 5_000_000):
            response = await send(serving, b" " * size)
            assert (response.status_code, response.headers["connection"]) == (413, "close")
            assert "1,000,000 bytes" in response.text


@pytest.mark.parametrize("framing", ["Content-Length: 99999999999", "Transfer-Encoding: chunked"])
async def test_an_endless_body_is_cut(framing: str) -> None:
    async with Serving.start(max_body=1000) as serving:
        reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
        head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nX-API-Key: admin-key\r\nContent-Type: {JSON}\r\n{framing}\r\n\r\n"
        writer.write(head.encode())
        if "chunked" in framing:
            writer.writelines([b"1000\r\n" + b" " * 0x1000 + b"\r\n"] * 2)
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 413")


async def test_faults_are_masked_and_named_in_the_log(serving: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    response = await serving.post("{ broken hello }")
    assert response.status_code == 200
    body = response.json()
    assert body["data"] == {"broken": None, "hello": "hello you"}
    (error,) = body["errors"]
    assert error["path"] == ["broken"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["requestId"] in error["message"]
    assert "hunter2" not in response.text
    logged = capsys.readouterr().out
    assert "hunter2" in logged
    assert error["extensions"]["requestId"] in logged


async def test_graphiql_may_introspect(serving: Serving) -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    response = await serving.post(query)
    assert response.status_code == 200
    assert "errors" not in response.json()


async def test_keys_of_other_roles_are_forbidden(serving: Serving) -> None:
    response = await serving.post("mutation { bump(by: 1) { count } }", Authorization="Bearer reader-key")
    assert (response.status_code, code(response)) == (200, "FORBIDDEN")
    assert "EDITOR or ADMIN" in response.text
    assert "READER" in response.text
