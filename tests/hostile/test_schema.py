"""A fuzz of every query and mutation, made from the exported schema."""

from typing import Any, Final

import httpx2
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.leaks import assert_nothing_leaks

nodes = schemathesis.graphql.nodes

_TIMES = (
    "2026-11-01T00:00:00Z",
    "2000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "now",
    "",
)
_LENGTHS = ("PT1S", "PT1H", "P7D", "P90D", "P999999999999D", "-P1D", "P", "PT0.000001S")
_NUMBERS = (0, 1, -1, 200, 2**31, 2**53, 2**63, -(2**63), 10**30)

schemathesis.graphql.scalar("DateTime", st.sampled_from(_TIMES).map(nodes.String))
schemathesis.graphql.scalar("Duration", st.sampled_from(_LENGTHS).map(nodes.String))
schemathesis.graphql.scalar("BigInt", st.sampled_from(_NUMBERS).map(nodes.Int))
schemathesis.graphql.scalar(
    "Decimal", st.one_of(st.decimals(places=3).map(str), st.sampled_from(("1e400", "NaN", "-0"))).map(nodes.String)
)
schemathesis.graphql.scalar(
    "JSON", st.one_of(st.text(max_size=20).map(nodes.String), st.integers().map(nodes.Int), st.just(nodes.Null))
)

SCHEMA: Final = schemathesis.graphql.from_path("schema/schema.graphql")
ANSWERS: Final = {200, 400}


def check(client: httpx2.Client, document: str) -> None:
    """Sends it; the answer is one of the specification, and no fault of ours."""
    content = orjson.dumps({"query": document})
    accept = "application/graphql-response+json"
    answer = client.post("/graphql", content=content, headers={"Content-Type": "application/json", "Accept": accept})
    codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
    assert answer.status_code in ANSWERS, (document, answer.text)
    assert "INTERNAL" not in codes, (document, answer.text)
    assert_nothing_leaks(answer.text, sent=document)


def fuzz(client: httpx2.Client, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=SCHEMA.as_strategy())
    def run(case: Any) -> None:
        check(client, case.body)

    run()


def test_no_operation_is_a_fault(client: httpx2.Client) -> None:
    fuzz(client, 40)


@pytest.mark.long
def test_no_operation_of_thousands_is_a_fault(client: httpx2.Client) -> None:
    fuzz(client, 3_000)
