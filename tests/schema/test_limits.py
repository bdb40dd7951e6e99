"""What is too large is refused in milliseconds, by name, before it is validated; what clients really send passes."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from graphql import DocumentNode, get_introspection_query, parse

from schema.documents import Refused
from schema.limits import Limits, oversized
from schema.requests import GraphQLRequest
from tests.schema.serving import engine

CONTRACT = sorted(Path("tests/contract").glob("*.graphql"))


def refusals(query: str, limits: Limits | None = None) -> list[str]:
    """The messages of a document's TOO_COMPLEX errors; none when it is refused for other reasons or not at all."""
    try:
        engine(limits).prepare(GraphQLRequest(query))
    except Refused as refused:
        codes = [(error.extensions or {}).get("code") for error in refused.errors]
        return [error.message for error, code in zip(refused.errors, codes, strict=True) if code == "TOO_COMPLEX"]
    return []


def nested(levels: int) -> str:
    return "{ tree " + "{ child " * levels + "{ level }" + " }" * levels + " }"


@pytest.mark.parametrize("path", CONTRACT, ids=lambda path: path.stem)
def test_the_contract_passes_with_half_of_every_limit(path: Path) -> None:
    document = parse(path.read_text(), max_lexical_tokens=2_500)
    half = Limits(operations=25, depth=8, fields=250, aliases=25, directives=25, root_fields=10)
    assert oversized(document, half) == []


def test_graphiql_may_introspect_but_not_for_ever() -> None:
    assert refusals(get_introspection_query()) == []
    deep = "{ __schema { types " + "{ ofType " * 25 + "{ name }" + " }" * 25 + " } }"
    assert "Levels of fields" in refusals(deep)[0]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (nested(14), "Levels of fields: 16; the limit is 15"),
        (nested(190), "Levels of fields"),
        ("{ " + " ".join(["hello"] * 21) + " }", "Fields at the root: 21; the limit is 20"),
        ("{ ...F } fragment F on Query { " + " ".join(["hello"] * 21) + " }", "Fields at the root: 21"),
        ("{ tree { " + " ".join(f"a{i}: level" for i in range(51)) + " } }", "Aliases: 51; the limit is 50"),
        ("{ tree { " + "level " * 500 + " } }", "Fields with fragments expanded: 501; the limit is 500"),
        ("{ tree { " + "... { level } " * 500 + " } }", "Fields with fragments expanded: 501"),
        ("{ hello " + "@include(if: true) " * 51 + "}", "Directives: 51; the limit is 50"),
        ("{ tree { ...F ...F } } fragment F on Tree { level " + "@skip(if: false) " * 26 + "}", "Directives: 52"),
        ("query " + "@a " * 51 + "{ hello }", "Directives: 51"),
        ("{ hello } " + " ".join(f"query Q{i} {{ hello }}" for i in range(51)), "Operations in the document: 52"),
        ("{ hello } fragment Unused on Tree " + nested(15)[7:-1], "Levels of fields: 16"),
        ("{ " + "hello " * 5_000 + "}", "at most 5,000 tokens"),
        ("#\n" * 1_001 + "{ hello }", "1,000 comments"),
        ("{ hello }" + " " * 100_000, "Characters in the document: 100,009; the limit is 100,000"),
    ],
)
def test_each_limit_is_named_with_its_value(query: str, named: str) -> None:
    messages = refusals(query)
    assert any(named in message for message in messages), messages


def test_the_limits_themselves_are_allowed() -> None:
    assert refusals(nested(13)) == []
    assert refusals("{ " + " ".join(f"a{i}: hello" for i in range(20)) + " }") == []
    assert refusals("{ tree { " + " ".join(f"a{i}: level" for i in range(50)) + " } }") == []


def bombs() -> dict[str, str]:
    """Small documents that stand for enormous ones, or that make naive rules slow."""
    doubled = "".join(f"fragment F{i} on Tree {{ ...F{i + 1} ...F{i + 1} }} " for i in range(30))
    nested_doubles = "".join(
        f"fragment F{i} on Tree {{ child {{ ...F{i + 1} }} b: child {{ ...F{i + 1} }} }} " for i in range(12)
    )
    chain = "".join(f"fragment F{i} on Tree {{ ...F{i + 1} }} " for i in range(600))
    all_pairs = "".join(
        f"fragment F{i} on Tree {{ {' '.join(f'...F{j}' for j in range(60) if j != i)} }} " for i in range(60)
    )
    return {
        "doubled": "{ tree { ...F0 } } " + doubled + "fragment F30 on Tree { level }",
        "doubled with fields": "{ tree { ...F0 } } " + nested_doubles + "fragment F12 on Tree { level }",
        "chain": "{ tree { ...F0 } } " + chain + "fragment F600 on Tree { level }",
        "cycle": "{ tree { ...A } } fragment A on Tree { ...B } fragment B on Tree { ...A child { ...A } }",
        "cycles all over": "{ tree { ...F0 } } " + all_pairs,
        "empty fragments": "{ tree { ...F0 } } "
        + "".join(f"fragment F{i} on Tree {{ ...F{i + 1} ...F{i + 1} }} " for i in range(30))
        + "fragment F30 on Tree { }",
        "same field": "{ tree { " + "level " * 490 + "} }",
        "same field, arguments": "{ tree { level } " + 'hello(name: "a") ' * 19 + "}",
        "aliases": "{ tree { " + " ".join(f"a{i}: level" for i in range(1_200)) + "} }",
        "directives": "{ hello " + "@include(if: true) " * 800 + "}",
        "nesting": "{ tree " + "{ child " * 5_000,
        "lists": "{ echo(value: " + "[" * 2_000 + "]" * 2_000 + ") }",
        "unknown fields": "{ " + " ".join(f"f{i}" for i in range(19)) + " tree { " + "nope " * 450 + "} }",
        "long name": "{ " + "a" * 99_000 + " }",
        "long string": '{ hello(name: "' + "a" * 90_000 + '") }',
        "variables": "query (" + " ".join(f"$v{i}: Int" for i in range(1_200)) + ") { hello }",
    }


@pytest.mark.parametrize("name", bombs())
def test_bombs_are_answered_at_once(name: str) -> None:
    query = bombs()[name]
    runs = engine()
    started = time.process_time()
    with suppress(Refused):
        runs.prepare(GraphQLRequest(query))
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "variables",
    [
        {"kinds": ["BUG"] * 1_000_000},
        {str(number): number for number in range(400_000)},
        {"deep": [[["x"] * 200_000, {"a": ["x"] * 200_000}]]},
    ],
    ids=["list", "object", "nested"],
)
def test_variables_of_too_many_values_are_refused_before_they_are_read(variables: dict[str, Any]) -> None:
    started = time.process_time()
    with pytest.raises(Refused, match="Values in the variables") as refusal:
        engine().prepare(GraphQLRequest("{ hello }", variables))
    assert time.process_time() - started < 0.5
    assert refusal.value.errors[0].extensions == {"code": "TOO_COMPLEX"}


def test_variables_may_hold_the_largest_batch_of_events() -> None:
    tokens = dict.fromkeys("abcde", 0)
    event = dict.fromkeys("abcdefghijklmnop", 0) | {"tokens": tokens, "attributes": {"a": 1}}
    engine().prepare(GraphQLRequest("{ hello }", {"input": {"events": [event] * 10_000}}))


def test_a_document_is_prepared_once_and_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(text: str, **limits: int) -> DocumentNode:
        parsed.append(text)
        return parse(text, **limits)  # type: ignore[arg-type]

    monkeypatch.setattr("schema.documents.parse", counted)
    runs = engine()
    first = runs.prepare(GraphQLRequest("{ hello }"))
    assert runs.prepare(GraphQLRequest("{ hello }")).document is first.document
    assert len(parsed) == 1
    for number in range(600):
        runs.prepare(GraphQLRequest(f"query Q{number} {{ hello }}"))
    assert runs.prepare(GraphQLRequest("{ hello }")).document is not first.document
