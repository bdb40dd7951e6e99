"""Pages of lists that can grow: Relay connections over opaque keyset cursors.

A root field takes `first: First` and `after: After`, reads one row more than asked (`page_size(first) + 1`) from behind
`decode_cursor(...)`, and answers `Connection.of(rows, ...)`. Types are named after the node: `UsageEventConnection`.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, Generic, Self, TypeVar

import msgspec
import strawberry

from resolvers.errors import Invalid
from resolvers.global_ids import to_opaque
from schema.ids import from_opaque

T = TypeVar("T")
Row = TypeVar("Row")
Keys = TypeVar("Keys", bound=tuple[Any, ...])
Key = int | str | float | Decimal | None

MAX_FIRST: Final = 200

Microseconds = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Uuid = Annotated[str, msgspec.Meta(pattern="^[0-9a-f-]{36}$")]
"""What cursors of lists by time hold: a client may send anything in their place."""
_INTEGER_END: Final = 2**63  # what a database column can hold ends here
_MOST_DIGITS: Final = 100  # of a decimal, before its point or behind it

First = Annotated[int, strawberry.argument(description=f"How many at most: 1 to {MAX_FIRST}.")]
After = Annotated[str | None, strawberry.argument(description="Continue behind this cursor; null starts the list.")]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows behind `endCursor`.")
    has_previous_page: bool = strawberry.field(description="Whether something comes before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last edge, for `after`; null on an empty page."
    )

    @classmethod
    def of(cls, edges: "Sequence[Edge[Any]]", *, has_next: bool, after: str | None) -> Self:
        """The place of a page that continued behind `after`."""
        return cls(
            has_next_page=has_next,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )


@strawberry.type(description="One item of a page, and its place in the list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Opaque; continue behind this item with `after`.")
    node: T = strawberry.field(description="The item.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The items of this page, in the order of the list.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the list.")
    total_count: int | None = strawberry.field(
        default=None, description="How many the whole list has, on all its pages. Only counted when asked for."
    )

    @classmethod
    def of(
        cls,
        rows: Sequence[Row],
        *,
        first: int,
        after: str | None,
        node: Callable[[Row], T],
        cursor: Callable[[Row], str],
        total_count: int | None = None,
    ) -> Self:
        """The page of `first` rows; one row more among `rows` says that another page follows."""
        edges = [Edge(cursor=cursor(row), node=node(row)) for row in rows[:first]]
        page_info = PageInfo.of(edges, has_next=len(rows) > first, after=after)
        return cls(edges=edges, page_info=page_info, total_count=total_count)


def page_size(first: int, *, most: int = MAX_FIRST, field: str = "first") -> int:
    """`first` when it lies in 1..most, else Invalid that names the limit. Also for short lists without pages."""
    if not 1 <= first <= most:
        raise Invalid(f"`{field}` lies between 1 and {most}, not {first}: page with `after` for more.", field=field)
    return first


def encode_cursor(place: str, keys: tuple[Key, ...]) -> str:
    """The opaque cursor of a row: the list it belongs to (`place`) and the sort keys that find the row again."""
    return to_opaque(msgspec.json.encode((place, keys)))


def decode_cursor(place: str, text: str, keys: type[Keys], *, field: str = "after") -> Keys:
    """The sort keys in a cursor of the same list, in the shape `keys` (`tuple[int, str]`). Raises Invalid otherwise."""
    try:
        found, raw = msgspec.json.decode(from_opaque(text), type=tuple[str, msgspec.Raw])
        decoded: Keys | None = msgspec.json.decode(raw, type=keys) if found == place else None
    except (ValueError, RecursionError):
        decoded = None
    if decoded is None or any(_is_beyond(key) for key in decoded):
        raise Invalid(f"`{field}` is not a cursor of this list.", field=field)
    return decoded


def _is_beyond(key: object) -> bool:
    """Whether no row can have this key."""
    if isinstance(key, Decimal):
        return not key.is_finite() or abs(key.adjusted()) > _MOST_DIGITS
    return isinstance(key, int) and abs(key) >= _INTEGER_END
