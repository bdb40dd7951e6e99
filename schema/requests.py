"""The request that both transports carry: `query`, `variables`, `operationName`, `extensions`."""

import uuid
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from starlette.types import Scope


class Freshness(Enum):
    """How an answer may have come about."""

    ANY = "any"
    """From the cache, when it is as good."""
    FRESH = "fresh"
    """Executed for this request; others may have it after."""
    UNSTORED = "unstored"
    """Executed for this request alone."""

    @classmethod
    def of(cls, cache_control: object) -> Self:
        """What a `Cache-Control` of a request wants."""
        if not isinstance(cache_control, str) or not cache_control:
            return cls(cls.ANY)
        wanted = {directive.strip().lower() for directive in cache_control.split(",")}
        if "no-store" in wanted:
            return cls(cls.UNSTORED)
        return cls(cls.FRESH if wanted & {"no-cache", "max-age=0"} else cls.ANY)


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client asks for, with every member of the right shape."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    freshness: Freshness = Freshness.ANY

    @classmethod
    def of(cls, members: object, cache_control: str | None = None) -> Self:
        """The request in a decoded JSON value. Raises ValueError with a sentence for the client when it is none.

        Where there are no headers, `extensions.cacheControl` says what `Cache-Control` would.
        """
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
        wanted = cache_control or (extensions or {}).get("cacheControl")
        return cls(query, variables, name or None, Freshness.of(wanted))


def request_id_of(scope: Scope) -> str:
    """The id that the log knows an HTTP request or a socket by; a new one where no middleware gave it any."""
    return scope.get("state", {}).get("request_id") or uuid.uuid4().hex
