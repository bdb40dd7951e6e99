"""What holds for every field of the schema, today's and tomorrow's."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_specified_scalar_type,
)
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField

from schema import schema
from schema.guards import Guard
from tests.architecture.sources import ROOT

SNAPSHOT = ROOT / "schema" / "schema.graphql"
CAP = re.compile(r"\b(at most|exactly) ([\d,]+|one for each)", re.IGNORECASE)
ROOTS = ("query", "mutation", "subscription")

graphql: GraphQLSchema = schema._schema


def own_types() -> list[GraphQLNamedType]:
    types = graphql.type_map.values()
    return [type_ for type_ in types if not is_introspection_type(type_) and not is_specified_scalar_type(type_)]


def described() -> Iterator[tuple[str, str | None]]:
    """The path and the description of everything that can carry one, but the three root types."""
    for type_ in own_types():
        if type_.name.lower() not in ROOTS:
            yield type_.name, type_.description
        if isinstance(type_, GraphQLEnumType):
            for name, value in type_.values.items():
                yield f"{type_.name}.{name}", value.description
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field.description
                for argument, value in getattr(field, "args", {}).items():
                    yield f"{type_.name}.{name}({argument}:)", value.description


def lists() -> Iterator[tuple[str, Any, GraphQLField | None]]:
    """The path of everything whose type is a list, its definition, and the field when it is an output field."""
    for type_ in own_types():
        if isinstance(type_, GraphQLInputObjectType):
            for name, value in type_.fields.items():
                if is_list(value.type):
                    yield f"{type_.name}.{name}", value, None
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                if is_list(field.type):
                    yield f"{type_.name}.{name}", field, field
                for argument, value in field.args.items():
                    if is_list(value.type):
                        yield f"{type_.name}.{name}({argument}:)", value, None


def is_list(type_: Any) -> bool:
    return isinstance(get_nullable_type(type_), GraphQLList)


def pages(field: GraphQLField) -> bool:
    """Whether a field bounds its list by a required `first` or `last`."""
    return any(isinstance(field.args[name].type, GraphQLNonNull) for name in ("first", "last") if name in field.args)


def edges_of_pages() -> set[str]:
    return {f"{type_.name}.edges" for type_ in own_types() if "pageInfo" in getattr(type_, "fields", {})}


def root_fields() -> list[tuple[str, StrawberryField]]:
    return [
        (f"{root}.{field.name}", field)
        for root in ROOTS
        if (class_ := getattr(schema, root)) is not None
        for field in get_object_definition(class_, strict=True).fields
    ]


@pytest.mark.parametrize(("name", "field"), root_fields())
def test_a_root_field_has_one_guard(name: str, field: StrawberryField) -> None:
    assert len([extension for extension in field.extensions if isinstance(extension, Guard)]) == 1, name


def test_everything_has_a_description() -> None:
    assert [path for path, description in described() if not (description or "").strip()] == []


def test_every_list_is_capped() -> None:
    """By the page it is on, by a required `first` or `last`, or by a description that names the most it holds."""
    uncapped = [
        path
        for path, definition, field in lists()
        if path not in edges_of_pages()
        and not (field is not None and pages(field))
        and not CAP.search(definition.description or "")
    ]

    assert uncapped == []


def test_every_page_is_asked_for_with_its_size() -> None:
    unpaged = [
        f"{type_.name}.{name}"
        for type_ in own_types()
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        for name, field in type_.fields.items()
        if f"{get_named_type(field.type).name}.edges" in edges_of_pages() and not pages(field)
    ]

    assert unpaged == []


def test_lists_and_their_items_are_never_null() -> None:
    nullable = [
        path
        for path, definition, field in lists()
        for type_ in [definition.type]
        if (field is not None and not isinstance(type_, GraphQLNonNull))
        or not isinstance(get_nullable_type(type_).of_type, GraphQLNonNull)
    ]

    assert nullable == []


def test_every_type_with_an_id_is_a_node() -> None:
    """But a suppression's `id`, which is that of a silence, a window or a component."""
    node = graphql.type_map["Node"]
    others = [
        type_.name
        for type_ in own_types()
        if isinstance(type_, GraphQLObjectType) and "id" in type_.fields and node not in type_.interfaces
    ]

    assert others == ["AlertSuppression"]


def test_a_mutation_takes_one_input_and_answers_user_errors() -> None:
    assert graphql.mutation_type is not None
    for name, field in graphql.mutation_type.fields.items():
        assert list(field.args) == ["input"], name
        assert "userErrors" in getattr(get_named_type(field.type), "fields", {}), name


def test_the_snapshot_is_the_schema() -> None:
    assert SNAPSHOT.read_text().strip() == schema.as_str().strip(), "The schema has changed: look at `make sdl`."
