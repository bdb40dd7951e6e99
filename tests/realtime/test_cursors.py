"""Cursors of streams."""

import base64

import pytest

from realtime.cursors import BadCursor, decode_cursor, encode_cursor


@pytest.mark.parametrize("seq", [0, 1, 2**31, 10**18 - 1])
def test_a_cursor_carries_a_place(seq: int) -> None:
    assert decode_cursor(encode_cursor(7, seq), project_id=7) == seq


def test_a_cursor_of_another_project_is_refused() -> None:
    with pytest.raises(BadCursor):
        decode_cursor(encode_cursor(7, 1), project_id=8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "é",
        "\ud800",
        "=",
        "NzE=",
        encode_cursor(7, 1) + "=",
        encode_cursor(7, 1) + "\n",
        *(base64.urlsafe_b64encode(raw).decode().rstrip("=") for raw in (b"7:", b"7:-1", b"7:01", b"7:1:2", b"7:\xb2")),
        base64.urlsafe_b64encode(b"7:" + b"9" * 25).decode().rstrip("="),
        base64.urlsafe_b64encode(b"7:9223372036854775808").decode().rstrip("="),
        "A" * 100_000,
    ],
)
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(text, project_id=7)
