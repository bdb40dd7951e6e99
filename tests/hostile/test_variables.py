"""A fuzz of variables: every field with arguments, its inputs of the right shape and with values at every edge."""

from typing import Any, Final

import httpx2
import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
    is_required_input_field,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema import schema
from tests.hostile.leaks import assert_nothing_leaks

TEXTS: Final = (
    *("a", "", " ", "\x00", "a\x00b", "\u202e", "é" * 300, "x" * 100_000, "%s%n{0}${x}", "'; DROP TABLE bugs; --"),
    *("http://127.0.0.1:1/", "https://[::1", "file:///etc/passwd", "../../etc/passwd", "<script>"),
    *("P1D", "2026-11-01T00:00:00Z", "UTC", "Europe/Paris", "gpt-4o", "(a+)+$", "[STATUS] == 200", '{severity="high"}'),
)  # fmt: skip
SCALARS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "String": st.one_of(st.sampled_from(TEXTS), st.text(max_size=10)),
    "ID": st.sampled_from(("", "x", "QnVnOjE6MQ==", "\x00", "🦆", "A" * 10_000)),
    "Int": st.sampled_from((0, 1, -1, 200, 201, 2**31 - 1, -(2**31))),
    "Float": st.sampled_from((0.0, -0.0, 1.5, -1.0, 1e-308, 1e308, 2.0**63, 0.95)),
    "Boolean": st.booleans(),
    "BigInt": st.sampled_from((0, 1, -1, 2**53, 2**63 - 1, -(2**63))),
    "Decimal": st.sampled_from(("0", "1", "-1", "0.000000000001", "9" * 30, "1e400", "NaN", 1, 0.1)),
    "DateTime": st.sampled_from(
        ("2026-11-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z", "")
    ),
    "Duration": st.sampled_from(("PT0S", "PT1S", "PT1H", "P1D", "P7D", "P90D", "P999999D", "P999999999999D")),
    "JSON": st.sampled_from((None, 1, "a", [], {}, {"a": 1}, {"\x00": "\x00"}, {"a": ["b" * 40_000]}, 2**63)),
}
FIELDS: Final = {
    (root.name, name): field
    for root in (schema._schema.query_type, schema._schema.mutation_type)
    if isinstance(root, GraphQLObjectType)
    for name, field in root.fields.items()
    if field.args
}


def values(kind: GraphQLInputType, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of the shape of a type."""
    if isinstance(kind, GraphQLNonNull):
        return _some(kind.of_type, depth)
    return st.one_of(_some(kind, depth), st.none())


def _some(kind: Any, depth: int) -> st.SearchStrategy[Any]:
    if isinstance(kind, GraphQLList):
        return st.lists(values(kind.of_type, depth + 1), max_size=2)
    if isinstance(kind, GraphQLEnumType):
        return st.sampled_from(list(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        known = {name: values(field.type, depth + 1) for name, field in kind.fields.items() if depth < 4}
        required = {name for name, field in kind.fields.items() if is_required_input_field(field)}
        return st.fixed_dictionaries(
            {name: strategy for name, strategy in known.items() if name in required},
            optional={name: strategy for name, strategy in known.items() if name not in required},
        )
    return SCALARS[kind.name]


def document(root: str, name: str, field: GraphQLField) -> str:
    """An operation of this field alone, with a variable for each argument."""
    variables = ", ".join(f"${argument}: {declared.type}" for argument, declared in field.args.items())
    arguments = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    kind = get_named_type(field.type)
    selected = "{ __typename }" if is_composite_type(kind) else ""
    if isinstance(kind, GraphQLObjectType) and "userErrors" in kind.fields:
        selected = "{ userErrors { code field message } }"
    return f"{root.lower()} ({variables}) {{ {name}({arguments}) {selected} }}"


DOCUMENTS: Final = {name: document(*name, field) for name, field in FIELDS.items()}
REQUESTS: Final = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.fixed_dictionaries({argument: values(declared.type) for argument, declared in FIELDS[name].args.items()}),
    )
)


def check(client: httpx2.Client, name: tuple[str, str], variables: dict[str, Any]) -> None:
    sent = orjson.dumps({"query": DOCUMENTS[name], "variables": variables})
    answer = client.post("/graphql", content=sent, headers={"Content-Type": "application/json"})
    codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
    assert answer.status_code == 200, (sent[:2000], answer.text)
    assert not codes & {"INTERNAL", "GRAPHQL_VALIDATION_FAILED"}, (sent[:2000], answer.text)
    assert_nothing_leaks(answer.text, sent=sent.decode())


def fuzz(client: httpx2.Client, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(REQUESTS)
    def run(request: tuple[tuple[str, str], dict[str, Any]]) -> None:
        check(client, *request)

    run()


def test_no_variables_are_a_fault(client: httpx2.Client) -> None:
    fuzz(client, 150)


@pytest.mark.long
def test_no_variables_of_thousands_are_a_fault(client: httpx2.Client) -> None:
    fuzz(client, 3_000)
