"""The documents that frontends send are served, unchanged."""

import pytest
from graphql import (
    EnumTypeDefinitionNode,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    NonNullTypeNode,
    ScalarTypeDefinitionNode,
    TypeDefinitionNode,
    parse,
    print_ast,
    validate,
)

from schema import schema
from tests.architecture.sources import ROOT

CONTRACT = ROOT / "tests" / "contract"
INPUTS = CONTRACT / "inputs.graphql"
DOCUMENTS = {path.stem: path.read_text() for path in sorted(CONTRACT.glob("*.graphql")) if path != INPUTS}


graphql: GraphQLSchema = schema._schema

Definitions = dict[str, TypeDefinitionNode]


def definitions(sdl: str) -> Definitions:
    return {node.name.value: node for node in parse(sdl).definitions if isinstance(node, TypeDefinitionNode)}


def members(node: TypeDefinitionNode) -> dict[str, str]:
    """The values of an enum, or the fields of an input with their types and defaults (a default of null is none)."""
    if isinstance(node, EnumTypeDefinitionNode):
        return {value.name.value: "" for value in node.values or ()}
    assert isinstance(node, InputObjectTypeDefinitionNode)
    return {
        field.name.value: " = ".join(
            print_ast(part) for part in (field.type, field.default_value) if part
        ).removesuffix(" = null")
        for field in node.fields or ()
    }


CONTRACTED = definitions(INPUTS.read_text())
EXPORTED = definitions(schema.as_str())
SHARED = sorted(CONTRACTED.keys() & EXPORTED.keys())


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_document_validates(name: str) -> None:
    assert validate(graphql, parse(DOCUMENTS[name])) == []


@pytest.mark.parametrize("name", SHARED)
def test_an_input_has_what_clients_name(name: str) -> None:
    contracted, exported = CONTRACTED[name], EXPORTED[name]

    assert type(exported) is type(contracted)
    if not isinstance(contracted, ScalarTypeDefinitionNode):
        assert members(contracted).items() <= members(exported).items()


@pytest.mark.parametrize("name", SHARED)
def test_an_input_asks_for_nothing_more(name: str) -> None:
    """A further field of an input is optional."""
    exported = EXPORTED[name]
    if isinstance(exported, InputObjectTypeDefinitionNode):
        known = members(CONTRACTED[name])
        required = [
            field.name.value
            for field in exported.fields or ()
            if isinstance(field.type, NonNullTypeNode) and field.default_value is None
        ]
        assert [field for field in required if field not in known] == []
