"""Ids as the API shows them, for what leaves the process by other doors: webhooks, links between objects."""

import base64


def global_id(type_name: str, project_id: int, key: int | str) -> str:
    """The opaque id of an object: base64url of `Type:project:key`. `schema.ids` reads it."""
    return to_opaque(f"{type_name}:{project_id}:{key}".encode())


def to_opaque(raw: bytes) -> str:
    """Bytes as text that clients carry around without reading it: base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
