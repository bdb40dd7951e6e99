"""What an operation asks for, known before it runs: its cost, in fields of the answer.

A field costs 1, whether it is an object or a leaf; one whose text or JSON may be long costs more (`LONG`). What stands
below a list counts for each item that the list may have: a page as many as `first` or `last`, a series as many as its
interval has in the nearest `period`, a frame of a stream 500, the heat map 168, and other lists a few (`ITEMS`). An
object of several types counts as the most expensive of them. What `@skip` and `@include` leave out costs nothing.

A document is walked once for each operation in it, which `schema.limits` has bounded by then; what is kept is a sum
over its lists, so that a request with other variables costs microseconds.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_introspection_type,
    is_list_type,
    value_from_ast_untyped,
)

from realtime.replay import PAGE
from resolvers.metrics.periods import MAX_POINTS
from schema.paging import MAX_FIRST
from schema.scalars import parse_date_time, parse_duration

Variables: TypeAlias = dict[str, Any]
Selected: TypeAlias = FieldNode | FragmentSpreadNode | InlineFragmentNode
Parent: TypeAlias = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
Factor: TypeAlias = Callable[[Variables], int]

ITEMS: Final = {"UsageMetrics.heatmap": 168, "Health.components": 50, "Metrics.deployments": 50}
"""How many items a list counts as that is neither a page nor a series nor a frame."""
FEW: Final = 10
POINT: Final = 2
"""What finding a point of a series costs, beside what is selected of it."""
LONG: Final = {
    "Query.__schema": 10_000,
    "Query.__type": 100,
    "JSON": 20,
    "UsageContent.input": 100,
    "UsageContent.output": 100,
    "BugChange.before": 2,
    "BugChange.after": 2,
    "BugFieldChange.before": 2,
    "BugFieldChange.after": 2,
    "Bug.description": 20,
    "BugComment.body": 20,
    "Recommendation.body": 20,
}
"""What a field, or any field of a type, costs whose value may be long: 1 for each 100 bytes or so, or what it takes."""

_STEPS: Final = {
    "MINUTE": dt.timedelta(minutes=1),
    "HOUR": dt.timedelta(hours=1),
    "DAY": dt.timedelta(days=1),
    "WEEK": dt.timedelta(weeks=1),
    "MONTH": dt.timedelta(days=28),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost as a sum: so much by itself, a cost for each of so many items, and the highest of some costs."""

    own: int = 0
    each: "tuple[tuple[Factor, Cost], ...]" = ()
    one_of: "tuple[Cost, ...]" = ()

    def at(self, variables: Variables) -> int:
        """The cost with these variables."""
        total = self.own
        for factor, cost in self.each:
            total += factor(variables) * cost.at(variables)
        if self.one_of:
            total += max(cost.at(variables) for cost in self.one_of)
        return total


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of one operation of a document, whatever its variables will be."""

    cost: Cost
    defaults: Variables

    @classmethod
    def of(
        cls, schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> Self:
        """The estimate of a valid operation, within the limits of a document."""
        root = schema.get_root_type(operation.operation)
        defaults = {
            definition.variable.name.value: value_from_ast_untyped(definition.default_value)
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }
        cost = _Walk(schema, fragments).selections(operation.selection_set, root) if root else Cost()
        return cls(cost, defaults)

    def at(self, variables: Variables | None) -> int:
        """The cost with these variables as they were sent. What does not fit counts as little: it is refused later."""
        return self.cost.at({**self.defaults, **(variables or {})})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk stands: what the arguments above say to the lists below."""

    period: ValueNode | None = None
    page: Factor | None = None


class _Walk:
    """One walk over an operation, its fragments opened where they are spread."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments

    def selections(self, selection_set: SelectionSetNode | None, parent: Parent, place: "_Place | None" = None) -> Cost:
        """The cost of what is selected of one object."""
        place = place or _Place()
        always: list[Cost] = []
        by_type: dict[str, list[Cost]] = {}
        for node in cast("Iterable[Selected]", selection_set.selections if selection_set else ()):
            if isinstance(node, FieldNode):
                always.append(_when(node, self._field(node, parent, place)))
                continue
            cost, kind = self._fragment(node, parent, place)
            apart = is_abstract_type(parent) and isinstance(kind, GraphQLObjectType)
            (by_type.setdefault(kind.name, []) if apart else always).append(_when(node, cost))
        return _sum(always, one_of=tuple(_sum(costs) for costs in by_type.values()))

    def _fragment(
        self, node: FragmentSpreadNode | InlineFragmentNode, parent: Parent, place: _Place
    ) -> tuple[Cost, Parent]:
        opened = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        condition = opened.type_condition
        kind = cast("Parent", self._schema.get_type(condition.name.value)) if condition else parent
        return self.selections(opened.selection_set, kind, place), kind

    def _field(self, node: FieldNode, parent: Parent, place: _Place) -> Cost:
        name = f"{parent.name}.{node.name.value}"
        field = self._schema.get_field(parent, node.name.value)
        if field is None:
            return Cost(1)
        kind = get_named_type(field.type)
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        period = given.get("period", place.period)
        pages = given.get("first", given.get("last"))
        page = None if pages is None else _items(pages)
        is_list = is_list_type(get_nullable_type(field.type))
        inner = self.selections(node.selection_set, cast("Parent", kind), _Place(period, None if is_list else page))
        own = LONG.get(name, LONG.get(kind.name, FEW if is_list and node.selection_set is None else 1))
        if not is_list or node.selection_set is None or is_introspection_type(kind):
            return Cost(own + inner.own, inner.each, inner.one_of)
        item = Cost(1 + inner.own + POINT * ("interval" in field.args), inner.each, inner.one_of)
        return Cost(own, ((self._size(name, field, given, page or place.page, period), item),))

    def _size(
        self,
        name: str,
        field: GraphQLField,
        given: Mapping[str, ValueNode],
        page: Factor | None,
        period: ValueNode | None,
    ) -> Factor:
        if "interval" in field.args:
            return _points(given.get("interval"), period)
        if page is not None:
            return page
        items = PAGE if name.endswith("Frame.events") else ITEMS.get(name, FEW)
        return lambda _: items


def _once(_: Variables) -> int:
    return 1


def _items(node: ValueNode) -> Factor:
    """The size of a page. More than the largest page is refused by its field, with words of its own."""

    def items(variables: Variables) -> int:
        asked = value_from_ast_untyped(node, variables)
        return min(max(asked, 1), MAX_FIRST) if isinstance(asked, int) else 1

    return items


def _points(interval: ValueNode | None, period: ValueNode | None) -> Factor:
    """The points of a series. More than the longest one has are refused by its field, with words of its own."""

    def points(variables: Variables) -> int:
        step = _STEPS.get(str(value_from_ast_untyped(interval, variables))) if interval else None
        length = _length(value_from_ast_untyped(period, variables)) if period else None
        if step is None or length is None:
            return 1
        return min(max(1, length // step + 2), MAX_POINTS)

    return points


def _length(period: object) -> dt.timedelta | None:
    """How long a period is; None for what is none."""
    if not isinstance(period, Mapping):
        return None
    try:
        if period.get("last") is not None:
            return parse_duration(period["last"])
        return parse_date_time(period.get("to")) - parse_date_time(period.get("from"))
    except (GraphQLError, OverflowError):
        return None


def _when(node: Selected, cost: Cost) -> Cost:
    """The cost of a selection where its directives let it in."""
    conditions = tuple(_conditions(node))
    if not conditions:
        return cost

    def included(variables: Variables) -> int:
        return int(all(value_from_ast_untyped(value, variables) is wanted for value, wanted in conditions))

    return Cost(each=((included, cost),))


def _conditions(node: Selected) -> Iterator[tuple[ValueNode, bool]]:
    for directive in node.directives or ():
        if directive.name.value in ("skip", "include"):
            for argument in directive.arguments or ():
                yield argument.value, directive.name.value == "include"


def _sum(costs: Iterable[Cost], one_of: tuple[Cost, ...] = ()) -> Cost:
    own, each = 0, list[tuple[Factor, Cost]]()
    for cost in costs:
        own += cost.own
        each += cost.each
        if cost.one_of:
            each.append((_once, Cost(one_of=cost.one_of)))
    return Cost(own, tuple(each), one_of)
