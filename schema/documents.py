"""Documents that may run: parsed, measured and validated once, then kept.

Whatever is refused here is refused before any resolver runs, with a code that says at which stage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from schema.complexity import Estimate
from schema.errors import Code, Failure, wire_errors
from schema.limits import INTROSPECTION_FIELDS, Limits, oversized, too_complex

_RULES: Final = (*specified_rules, MaybeNullValidationRule)
_MAX_ERRORS: Final = 20
_CACHED_CHARACTERS: Final = 500_000
_CHARGED_AT_LEAST: Final = 1_000
_REMEDY: Final = "Send values as variables, and operations one by one."


class Refused(Exception):  # noqa: N818 — the operation was answered, by these errors
    """An operation that does not run. Every error carries its code, or is one that `wire_errors` knows.

    `extensions` are those of the answer, where it has any.
    """

    def __init__(self, errors: Sequence[GraphQLError], extensions: Mapping[str, Any] | None = None) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors
        self.extensions = extensions

    def body(self, request_id: str) -> bytes:
        """The JSON of the answer."""
        body: dict[str, Any] = {"errors": wire_errors(self.errors, request_id=request_id)}
        if self.extensions:
            body["extensions"] = self.extensions
        return orjson.dumps(body)


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document, and the operations in it by name (None for the anonymous one)."""

    text: str
    syntax: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    estimates: dict[str | None, Estimate] = field(default_factory=dict)
    """What is known of the cost of its operations."""

    def operation(self, operation_name: str | None) -> OperationDefinitionNode | None:
        """The operation that would run; None when the name does not single one out."""
        if operation_name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        return self.operations.get(operation_name)

    def introspects(self, operation_name: str | None) -> bool:
        """Whether the operation that would run asks for the schema."""
        node = self.operation(operation_name)
        return node is not None and self._asks_for_schema(node.selection_set, set())

    def _asks_for_schema(self, selection_set: SelectionSetNode, opened: set[str]) -> bool:
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                if node.name.value in INTROSPECTION_FIELDS:
                    return True
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in opened:
                    opened.add(name)
                    if self._asks_for_schema(self.fragments[name].selection_set, opened):
                        return True
            elif isinstance(node, InlineFragmentNode) and self._asks_for_schema(node.selection_set, opened):
                return True
        return False

    def root_of(self, operation_name: str | None) -> FieldNode | None:
        """The only root field of the operation that would run; None when it has several, or hides it in a fragment."""
        node = self.operation(operation_name)
        fields = node.selection_set.selections if node else ()
        return fields[0] if len(fields) == 1 and isinstance(fields[0], FieldNode) else None


class Documents:
    """Prepares documents of one schema. The cache is bounded in characters; a syntax tree takes about 75 bytes each."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._kept: LRUCache[str, Document] = LRUCache(
            _CACHED_CHARACTERS, getsizeof=lambda document: max(len(document.text), _CHARGED_AT_LEAST)
        )

    def prepare(self, text: str) -> Document:
        """The document ready to run. Raises Refused when it is too large, does not parse or does not validate."""
        document = self._kept.get(text)
        if document is None:
            syntax = self._parse(text)
            if failures := oversized(syntax, self._limits):
                raise Refused(failures)
            if errors := validate(self._schema, syntax, _RULES, max_errors=_MAX_ERRORS, hide_suggestions=True):
                raise Refused([_coded(error, Code.GRAPHQL_VALIDATION_FAILED) for error in errors])
            document = self._kept[text] = Document(text, syntax, _operations(syntax), _fragments(syntax))
        return document

    def cost(self, document: Document, operation_name: str | None, variables: dict[str, Any] | None) -> int:
        """What the operation costs that would run (`schema.complexity`); 0 when the name does not single one out."""
        estimate = document.estimates.get(operation_name)
        if estimate is None:
            operation = document.operation(operation_name)
            if operation is None:
                return 0
            estimate = Estimate.of(self._schema, operation, document.fragments)
            document.estimates[operation_name] = estimate
        return estimate.at(variables)

    def _parse(self, text: str) -> DocumentNode:
        limits = self._limits
        if len(text) > limits.characters:
            raise Refused([too_complex("Characters in the document", len(text), limits.characters, _REMEDY)])
        try:
            return parse(text, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
        except GraphQLSyntaxError as error:
            if error.description.startswith("Document contains more than"):
                limit = f"{limits.tokens:,} tokens and {limits.comments:,} comments"
                raise Refused([Failure(Code.TOO_COMPLEX, f"A document has at most {limit}. {_REMEDY}")]) from None
            raise Refused([_coded(error, Code.GRAPHQL_PARSE_FAILED)]) from None


def _coded(error: GraphQLError, code: Code) -> GraphQLError:
    if isinstance(error.original_error, ValueError):  # Python refuses to read integers of thousands of digits
        error = GraphQLError("A number in the document has too many digits.", error.nodes)
    error.extensions = {"code": code.value}
    return error


def _operations(syntax: DocumentNode) -> dict[str | None, OperationDefinitionNode]:
    return {
        node.name.value if node.name else None: node
        for node in syntax.definitions
        if isinstance(node, OperationDefinitionNode)
    }


def _fragments(syntax: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in syntax.definitions if isinstance(node, FragmentDefinitionNode)}
