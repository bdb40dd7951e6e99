"""Global ids: opaque, and nothing but what was made here is read back."""

import pytest

from resolvers.errors import Invalid
from resolvers.global_ids import to_opaque
from schema.ids import GlobalId, decode_id, encode_id, own_key


def test_an_id_is_read_back() -> None:
    assert decode_id(encode_id("Bug", 3, 17)) == GlobalId("Bug", 3, "17")
    assert decode_id(encode_id("Component", 3, "a:b/ü")) == GlobalId("Component", 3, "a:b/ü")


def test_ids_of_other_projects_and_types_look_like_missing_ones() -> None:
    text = encode_id("Bug", 3, 17)
    assert own_key(text, type_name="Bug", project_id=3) == "17"
    assert own_key(text, type_name="Bug", project_id=4) is None
    assert own_key(text, type_name="Alert", project_id=3) is None


@pytest.mark.parametrize(
    "text",
    ["", "x", "é", "====", encode_id("Bug", 1, 1) + "=", " " + encode_id("Bug", 1, 1), "A" * 3000]
    + [to_opaque(raw) for raw in (b"Bug:1", b"Bug:x:1", b"Bug::1", b"\xff\xfe:1:1", b"Bug:01:1", b"Bug:+1:1")],
)
def test_any_other_text_is_invalid(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        decode_id(text, field="bug")
    assert refusal.value.field == "bug"
