"""The request that both transports carry: `query`, `variables`, `operationName`, `extensions`."""

import uuid
from dataclasses import dataclass
from typing import Any, Self

from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client asks for, with every member of the right shape."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None

    @classmethod
    def of(cls, members: object) -> Self:
        """The request in a decoded JSON value. Raises ValueError with a sentence for the client when it is none."""
        if isinstance(members, list):
            raise ValueError("Batching is not supported: send one operation per request.")  # noqa: TRY004
        if not isinstance(members, dict):
            raise ValueError("The request must be a JSON object with `query`.")  # noqa: TRY004
        query, variables = members.get("query"), members.get("variables")
        name, extensions = members.get("operationName"), members.get("extensions")
        if not isinstance(query, str):
            raise ValueError("`query` is required and must be a string.")  # noqa: TRY004
        if variables is not None and not isinstance(variables, dict):
            raise ValueError("`variables` must be an object or null.")
        if name is not None and not isinstance(name, str):
            raise ValueError("`operationName` must be a string or null.")
        if extensions is not None and not isinstance(extensions, dict):
            raise ValueError("`extensions` must be an object or null.")
        return cls(query, variables, name or None)


def request_id_of(scope: Scope) -> str:
    """The id that the log knows an HTTP request or a socket by; a new one where no middleware gave it any."""
    return scope.get("state", {}).get("request_id") or uuid.uuid4().hex
