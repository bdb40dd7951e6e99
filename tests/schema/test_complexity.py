"""What an operation costs: known before it runs, whatever its variables, and the same on every transport."""

import time
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse

from schema import schema
from schema.complexity import Estimate
from schema.documents import Refused
from schema.errors import Code
from schema.execution import Engine
from schema.limits import Limits
from schema.requests import GraphQLRequest
from tests.schema.serving import NO_SERVICES, SCHEMA, Serving
from tests.schema.test_limits import CONTRACT

pytestmark = pytest.mark.anyio

LIMIT: Final = Limits().cost
LARGEST: Final = {"first": 200, "period": {"last": "P125D"}}
"""The largest page, and the longest series of hours."""
PERIOD: Final = '{last: "PT49H"}'
ENGINE: Final = Engine(schema, NO_SERVICES)


def estimate(query: str) -> Estimate:
    document = parse(query)
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return Estimate.of(schema._schema, operation, fragments)


def cost(query: str, **variables: Any) -> int:
    return estimate(query).at(variables)


@pytest.mark.parametrize("path", CONTRACT, ids=lambda path: path.stem)
def test_the_contract_passes_with_its_largest_pages(path: Path) -> None:
    document = parse(path.read_text())
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            asked = Estimate.of(schema._schema, node, fragments).at(LARGEST)
            assert 0 < asked < LIMIT, node.name


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{ viewer { name role } }", {}, 3),
        ("{ a: viewer { name } b: viewer { name } }", {}, 4),
        ("{ apiKeys(first: 10) { edges { node { name } } } }", {}, 2 + 10 * 3),
        ("query ($n: Int!) { apiKeys(first: $n) { edges { node { name } } pageInfo { endCursor } } }", {"n": 7}, 25),
        ("query ($n: Int! = 7) { apiKeys(first: $n) { edges { cursor } } }", {}, 2 + 7 * 2),
        ("query ($n: Int! = 7) { apiKeys(first: $n) { edges { cursor } } }", {"n": 9}, 2 + 9 * 2),
        ("query ($n: Int!) { apiKeys(first: $n) { edges { cursor } } }", {"n": 10**9}, 2 + 200 * 2),
        ("query ($n: Int!) { apiKeys(first: $n) { edges { cursor } } }", {"n": "many"}, 2 + 2),
        ("query ($n: Int!) { apiKeys(first: $n) { edges { cursor } } }", {}, 2 + 2),
        (("{ ...F } fragment F on Query { apiKeys(first: 3) { ...G } } fragment G on ApiKeyConnection "
         "{ edges { cursor } }"), {}, 2 + 3 * 2),
        ("query ($w: Boolean!) { viewer { name @include(if: $w) role @skip(if: $w) } }", {"w": True}, 2),
        ("query ($w: Boolean!) { ... @include(if: $w) { viewer { name } } }", {"w": False}, 0),
        ("query ($w: Boolean!) { ... @include(if: $w) { viewer { name } } }", {"w": True}, 2),
        ("{ metrics(period: {last: \"PT1H\"}) { usage { heatmap { weekday hour } } } }", {}, 3 + 168 * 3),
        ("{ metrics(period: {last: \"PT1H\"}) { usage { series(interval: MINUTE) { start } } } }", {}, 3 + 62 * 4),
        ("query ($p: PeriodInput!) { metrics(period: $p) { usage { series(interval: DAY) { start } } } }",
         {"p": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-11T00:00:00Z"}}, 3 + 12 * 4),
        ("query ($p: PeriodInput!) { metrics(period: $p) { usage { series(interval: DAY) { start } } } }",
         {"p": {"from": 7}}, 3 + 4),
        ('{ node(id: "x") { id ... on Bug { title } ... on ApiKey { name role prefix } } }', {}, 1 + 1 + 3),
        ("{ __schema { types { fields { name } } } }", {}, 10_003),
    ],
)  # fmt: skip
def test_a_cost_is_the_fields_of_the_answer(query: str, variables: dict[str, Any], expected: int) -> None:
    assert cost(query, **variables) == expected


ATTRIBUTES: Final = " ".join(f"a{number}: attributes" for number in range(49))
STREAM: Final = f"subscription {{ activity {{ events {{ node {{ ... on UsageEvent {{ {ATTRIBUTES} }} }} }} }} }}"
MINUTES: Final = " ".join(
    f"s{number}: series(interval: MINUTE) {{ start totals {{ requests }} }}" for number in range(12)
)
SERIES: Final = f"{{ metrics(period: {PERIOD}) {{ usage {{ {MINUTES} }} }} }}"
NODE: Final = "{ id rawUsage attributes again: attributes }"
PAGE: Final = f"usageEvents(period: {PERIOD}, first: 200) {{ edges {{ node {NODE} }} }}"
PAGES: Final = f"{{ {' '.join(f'p{number}: {PAGE}' for number in range(20))} }}"


@pytest.mark.parametrize("query", [STREAM, SERIES, PAGES])
def test_what_costs_too_much_is_refused_with_the_remedy(query: str) -> None:
    with pytest.raises(Refused) as refusal:
        ENGINE.prepare(GraphQLRequest(query))
    [error] = refusal.value.errors
    asked = cost(query)
    assert error.message.startswith(f"Cost: {asked:,}; the limit is {LIMIT:,}. Ask for smaller pages")
    told = {"requested": asked, "limit": LIMIT}
    assert error.extensions == {"code": Code.TOO_COMPLEX.value, "cost": told}
    assert refusal.value.extensions == {"cost": told}


def test_other_variables_cost_microseconds() -> None:
    document = (Path("tests/contract") / "metrics.graphql").read_text()
    variables = {"period": LARGEST["period"]}
    ENGINE.prepare(GraphQLRequest(document, variables, "Dashboard"))
    started = time.process_time()
    for _ in range(200):
        ENGINE.prepare(GraphQLRequest(document, variables, "Dashboard"))
    assert time.process_time() - started < 0.2


async def test_every_transport_tells_the_cost(serving: Serving) -> None:
    told = {"cost": {"requested": 1, "limit": LIMIT}}
    assert (await serving.post("{ hello }")).json()["extensions"] == told
    events = await serving.post("{ hello }", accept="text/event-stream")
    assert b'"extensions":{"cost":{"requested":1,' in events.content
    async with serving.socket() as socket:
        await socket.subscribe("a", "{ hello }")
        assert (await socket.receive())["payload"]["extensions"] == told
        await socket.receive()
        await socket.subscribe("b", "subscription { count(to: 2) }")
        assert (await socket.receive())["payload"]["extensions"] == told
        assert (await socket.receive())["payload"] == {"data": {"count": 1}}


async def test_every_transport_refuses() -> None:
    async with Serving.start(runs=Engine(SCHEMA, NO_SERVICES, Limits(cost=2))) as serving:
        query, told = "{ a: hello b: hello c: hello }", {"requested": 3, "limit": 2}
        answer = await serving.post(query)
        assert (answer.status_code, answer.json()["extensions"]) == (400, {"cost": told})
        assert answer.json()["errors"][0]["extensions"] == {"code": "TOO_COMPLEX", "cost": told}
        events = await serving.post(query, accept="text/event-stream")
        assert b'"extensions":{"cost":{"requested":3,' in events.content
        async with serving.socket() as socket:
            await socket.subscribe("a", query)
            answer_on_socket = await socket.receive()
            assert answer_on_socket["type"] == "error"
            assert answer_on_socket["payload"][0]["extensions"] == {"code": "TOO_COMPLEX", "cost": told}


async def test_a_key_that_only_sends_does_not_see_the_schema(serving: Serving) -> None:
    for query in (
        "{ __schema { queryType { name } } }",
        '{ ...F } fragment F on Query { __type(name: "Query") { name } }',
    ):
        answer = await serving.post(query, authorization="Bearer ingest-key")
        assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert "data" not in answer.json()
        assert "errors" not in (await serving.post(query, authorization="Bearer reader-key")).json()
    assert (await serving.post("{ __typename }", authorization="Bearer ingest-key")).status_code == 200
