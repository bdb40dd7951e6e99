"""How large an operation may be: its document, checked before validation, and its variables.

Nested fragments make a document of a kilobyte stand for millions of fields; measured once and added up, they cost what
their text costs. The figures count an operation with its fragments expanded, as it would run. Variables are checked
against their types value by value, which nothing else of the process runs beside.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from schema.errors import Code, Failure

_MAX_NESTING: Final = 100
INTROSPECTION_FIELDS: Final = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may have, and what one operation or fragment in it may stand for."""

    characters: int = 100_000
    tokens: int = 5_000
    comments: int = 1_000
    operations: int = 50
    depth: int = 15
    introspection_depth: int = 20
    fields: int = 500
    aliases: int = 50
    directives: int = 50
    root_fields: int = 20
    values: int = 300_000
    cost: int = 200_000
    """Of one operation with its variables: see `schema.complexity`."""


@dataclass(slots=True)
class Size:
    """What a selection set stands for, fragments expanded: levels, fields, aliases, directives, fields at its top."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    top: int = 0


def too_complex(what: str, size: int, limit: int, remedy: str, **details: Any) -> Failure:
    """The refusal that names the limit, the value and the remedy."""
    return Failure(Code.TOO_COMPLEX, f"{what}: {size:,}; the limit is {limit:,}. {remedy}", **details)


def overfull(variables: Mapping[str, Any] | None, limits: Limits) -> list[Failure]:
    """A refusal when the variables have too many values in all; it stops counting there."""
    values = 0
    waiting: list[Any] = [variables or {}]
    while waiting:
        found = waiting.pop()
        inside = found.values() if isinstance(found, dict) else found
        values += len(inside)
        if values > limits.values:
            return [too_complex("Values in the variables", values, limits.values, "Send them in several requests.")]
        waiting += [value for value in inside if isinstance(value, dict | list)]
    return []


def oversized(document: DocumentNode, limits: Limits) -> list[Failure]:
    """A refusal for each limit that the document exceeds; empty when it may go on to validation."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) > limits.operations:
        remedy = "Send fewer operations in a document; only one of them runs."
        return [too_complex("Operations in the document", len(operations), limits.operations, remedy)]
    measure = _Measure(document, limits)
    sizes = [measure.operation(node) for node in operations]
    sizes += [measure.fragment(name) for name in measure.fragments]
    return list(_exceeded(sizes, max((size.top for size in sizes[: len(operations)]), default=0), limits))


def _exceeded(sizes: list[Size], root_fields: int, limits: Limits) -> Iterator[Failure]:
    if (depth := max((size.depth for size in sizes), default=0)) > limits.depth:
        yield too_complex(
            "Levels of fields", depth, limits.depth, "Ask for deeper objects in an operation of their own."
        )
    if (fields := max((size.fields for size in sizes), default=0)) > limits.fields:
        yield too_complex("Fields with fragments expanded", fields, limits.fields, "Split the operation.")
    if (aliases := max((size.aliases for size in sizes), default=0)) > limits.aliases:
        yield too_complex("Aliases", aliases, limits.aliases, "Ask for a list instead of one alias per object.")
    if (directives := max((size.directives for size in sizes), default=0)) > limits.directives:
        yield too_complex("Directives", directives, limits.directives, "Ask for what you need, without conditions.")
    if root_fields > limits.root_fields:
        yield too_complex("Fields at the root", root_fields, limits.root_fields, "Split the operation.")


class _Measure:
    """Measures selection sets, each fragment once. A cycle adds nothing here: validation reports it."""

    def __init__(self, document: DocumentNode, limits: Limits) -> None:
        self.fragments: Mapping[str, FragmentDefinitionNode] = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._introspection_depth = limits.introspection_depth
        self._known: dict[str, Size] = {}

    def operation(self, node: OperationDefinitionNode) -> Size:
        """The size of an operation, with the directives on itself and on its variables."""
        size = self.selections(node.selection_set)
        variables = node.variable_definitions or ()
        size.directives += len(node.directives or ()) + sum(len(variable.directives or ()) for variable in variables)
        return size

    def fragment(self, name: str, nesting: int = 0) -> Size:
        """The size of a fragment by name; zero for one that the document lacks."""
        if name not in self._known:
            self._known[name] = Size()
            if name in self.fragments:
                self._known[name] = self.selections(self.fragments[name].selection_set, nesting + 1)
        return self._known[name]

    def selections(self, selection_set: SelectionSetNode | None, nesting: int = 0) -> Size:
        """The size of a selection set. Beyond 100 nested ones it stops looking: the depth is exceeded anyway."""
        total = Size()
        if selection_set is None:
            return total
        if nesting > _MAX_NESTING:
            return Size(depth=_MAX_NESTING)
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                inner = self.selections(node.selection_set, nesting + 1)
                shallow = node.name.value in INTROSPECTION_FIELDS and inner.depth < self._introspection_depth
                size = Size(
                    depth=1 if shallow else inner.depth + 1,
                    fields=inner.fields + 1,
                    aliases=inner.aliases + (node.alias is not None),
                    directives=inner.directives,
                    top=1,
                )
            elif isinstance(node, FragmentSpreadNode):
                size = self.fragment(node.name.value, nesting)
            elif isinstance(node, InlineFragmentNode):
                size = self.selections(node.selection_set, nesting + 1)
            total.depth = max(total.depth, size.depth)
            total.fields += max(size.fields, 1)  # an empty fragment costs its visit
            total.aliases += size.aliases
            total.directives += size.directives + len(node.directives or ())
            total.top += size.top
        return total
