"""Pages: edges, cursors, and where a page stands."""

import re
from decimal import Decimal

import pytest
import strawberry

from resolvers.errors import Invalid
from resolvers.global_ids import to_opaque
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size


@strawberry.type
class Animal:
    name: str


@strawberry.type
class Query:
    @strawberry.field
    def animals(self, first: First, after: After = None) -> Connection[Animal]:
        return page([], first=first, after=after)


def page(names: list[str], *, first: int, after: str | None = None) -> Connection[Animal]:
    return Connection.of(
        names, first=first, after=after, node=lambda name: Animal(name=name), cursor=lambda name: f"<{name}>"
    )


def test_one_row_more_says_that_another_page_follows() -> None:
    found = page(["ant", "bee", "cat"], first=2)
    assert [(edge.cursor, edge.node.name) for edge in found.edges] == [("<ant>", "ant"), ("<bee>", "bee")]
    assert (found.page_info.start_cursor, found.page_info.end_cursor) == ("<ant>", "<bee>")
    assert found.page_info.has_next_page
    assert not found.page_info.has_previous_page


def test_the_last_page_and_the_empty_one() -> None:
    last = page(["cat"], first=2, after="<bee>")
    assert not last.page_info.has_next_page
    assert last.page_info.has_previous_page
    empty = page([], first=2)
    assert (empty.edges, empty.page_info.start_cursor, empty.page_info.end_cursor) == ([], None, None)


def test_types_are_named_after_the_node() -> None:
    sdl = strawberry.Schema(Query).as_str()
    assert "type AnimalConnection {" in sdl
    assert "type AnimalEdge {" in sdl
    assert re.search(r"totalCount: Int\n", sdl)


def test_first_is_limited_by_name() -> None:
    assert page_size(200) == 200
    for first in (0, -1, 201, 2**31 - 1):
        with pytest.raises(Invalid, match="between 1 and 200") as refusal:
            page_size(first)
        assert refusal.value.field == "first"
    with pytest.raises(Invalid, match="`last` lies between 1 and 50"):
        page_size(51, most=50, field="last")


def test_a_cursor_carries_its_keys() -> None:
    cursor = encode_cursor("bugs", (1_763_640_000_000_000, "a:b", None))
    assert decode_cursor("bugs", cursor, tuple[int, str, str | None]) == (1_763_640_000_000_000, "a:b", None)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "A" * 3000,
        encode_cursor("alerts", (1, "a")),
        encode_cursor("bugs", (1,)),
        encode_cursor("bugs", ("1", "a")),
        encode_cursor("bugs", (True, "a")),
        encode_cursor("bugs", (2**63, "a")),
        encode_cursor("bugs", (1, "a")) + "=",
        to_opaque(b"[" * 1400),
        to_opaque(b'["bugs", {"a": 1}]'),
        to_opaque(b'"bugs"'),
    ],
)
def test_any_other_cursor_is_invalid(cursor: str) -> None:
    with pytest.raises(Invalid, match="not a cursor of this list") as refusal:
        decode_cursor("bugs", cursor, tuple[int, str])
    assert refusal.value.field == "after"


@pytest.mark.parametrize(
    "number", ["NaN", "sNaN", "Infinity", "1e999999999", "-1e101", "1e-999999999", "1e9" + "9" * 30]
)
def test_a_cursor_with_a_number_that_no_row_has_is_invalid(number: str) -> None:
    with pytest.raises(Invalid, match="not a cursor of this list"):
        decode_cursor("usage", encode_cursor("usage", (number, "a")), tuple[Decimal, str])
