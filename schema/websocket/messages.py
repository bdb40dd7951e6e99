"""Messages of graphql-transport-ws: checked on their way in, encoded on their way out."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

PROTOCOL: Final = "graphql-transport-ws"
ACK: Final = b'{"type":"connection_ack"}'
PING: Final = b'{"type":"ping"}'


class Closed(Exception):  # noqa: N818 — how a socket ends, not an accident
    """The socket ends: with this code, or because the client is gone (None)."""

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:120].decode(errors="ignore")  # what fits into a close frame


def decoded(text: str | None) -> dict[str, Any]:
    """The message in a text frame (None: a binary one). Raises Closed with 4400 when it is no JSON object."""
    try:
        message = orjson.loads(text or b"")
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise Closed(4400, "A message is a text frame with a JSON object")
    return message


def id_of(message: Mapping[str, Any]) -> str:
    """The operation that a message is about. Raises Closed with 4400 when it names none."""
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise Closed(4400, "`id` is required and must be a string")
    return operation_id


def object_or_none(payload: object) -> dict[str, Any] | None:
    """A payload that is optional. Raises Closed with 4400 for other JSON than an object."""
    if payload is not None and not isinstance(payload, dict):
        raise Closed(4400, "`payload` must be an object or null")
    return payload


def credentials(payload: Mapping[str, Any]) -> dict[str, str]:
    """The text members of a `connection_init` payload under the names that headers have; `apiKey` is `X-API-Key`."""
    texts = {name.lower(): value for name, value in payload.items() if isinstance(value, str)}
    return {"x-api-key" if name == "apikey" else name: value for name, value in texts.items()}


def pong(payload: dict[str, Any] | None) -> bytes:
    """The answer to a ping, which gives its payload back. Raises Closed with 4400 for one nested too deeply to be."""
    try:
        return orjson.dumps({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})
    except orjson.JSONEncodeError:
        raise Closed(4400, "`payload` is nested too deeply") from None


def around_next(operation_id: str) -> tuple[bytes, bytes]:
    """What comes before and after the JSON of each answer of an operation."""
    return b'{"id":%b,"type":"next","payload":' % orjson.dumps(operation_id), b"}"


def error(operation_id: str, errors: list[dict[str, Any]]) -> bytes:
    """The end of an operation that failed."""
    return orjson.dumps({"id": operation_id, "type": "error", "payload": errors})


def complete(operation_id: str) -> bytes:
    """The end of an operation."""
    return orjson.dumps({"id": operation_id, "type": "complete"})
