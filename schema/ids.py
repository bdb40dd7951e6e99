"""Global ids: what every `id` of the API is made of, and the `Node` interface that answers them.

An id is opaque to clients and unique in the installation: base64url of `Type:project:key`. It carries no rights:
whoever looks one up compares its project with the principal's, so a foreign id looks like a missing one.
"""

import base64
import re
from dataclasses import dataclass

import strawberry

from resolvers.errors import Invalid, NotFound
from resolvers.global_ids import global_id, to_opaque

_MAX_LENGTH = 2048
_NUMBER = re.compile("[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class GlobalId:
    """A decoded id. `type_name` is the GraphQL type, `key` its primary key or number inside the project."""

    type_name: str
    project_id: int
    key: str


@strawberry.interface(description="An object that can be fetched again by its `id`.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, unique in the installation, and stable.")


def encode_id(type_name: str, project_id: int, key: int | str) -> strawberry.ID:
    """The opaque id of an object."""
    return strawberry.ID(global_id(type_name, project_id, key))


def decode_id(text: str, *, field: str | None = "id") -> GlobalId:
    """What an id names. Raises Invalid, pointing at `field`, for anything that `encode_id` cannot have made."""
    try:
        type_name, project, key = from_opaque(text).decode().split(":", 2)
        decoded = GlobalId(type_name, int(project), key)
    except ValueError:
        decoded = None
    if decoded is None or str(decoded.project_id) != project:
        raise Invalid("This is not an id of this API.", field=field)
    return decoded


def own_key(text: str, *, type_name: str, project_id: int, field: str | None = "id") -> str | None:
    """The key in an id of this type and project; None when it names something else. Raises Invalid like decode_id."""
    decoded = decode_id(text, field=field)
    return decoded.key if (decoded.type_name, decoded.project_id) == (type_name, project_id) else None


def own_number(text: str, type_name: str, project_id: int, refusal: str) -> int:
    """The number in an id of this type and project. Raises NotFound with `refusal` when it names something else, and
    Invalid like decode_id."""
    key = own_key(text, type_name=type_name, project_id=project_id)
    if key is None or not _NUMBER.fullmatch(key):
        raise NotFound(refusal, field="id")
    return int(key)


def from_opaque(text: str) -> bytes:
    """The bytes behind `to_opaque`. Raises ValueError for anything that it cannot have made."""
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"{len(text)} characters")
    raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if to_opaque(raw) != text:
        raise ValueError("not the canonical form")
    return raw
