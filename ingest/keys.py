"""Whose key a request comes with, at the doors that are not GraphQL."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request

from ingest.problems import Problem
from resolvers.principals import Principal, Role, presented_secret
from resolvers.rates import RateLimited

SENDERS: Final = frozenset({Role.INGEST, Role.EDITOR, Role.ADMIN})

Authenticate = Callable[[str], Awaitable[Principal | None]]
"""Whose key or token it is; None when nobody's, revoked, expired or refused."""


async def principal_of(request: Request, authenticate: Authenticate) -> Principal:
    """Who asks. Raises Problem (401) without a key, and for one that is not good any more."""
    secret = presented_secret(request.headers)
    if secret is None:
        raise Problem(
            401,
            "An API key is needed, as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
            WWW_Authenticate='Bearer realm="vigie"',
        )
    try:
        principal = await authenticate(secret)
    except RateLimited as limited:
        raise Problem(429, limited.message, Retry_After=str(limited.retry_after)) from limited
    if principal is None:
        raise Problem(
            401,
            "This API key or token is unknown, revoked or expired: ask the administrator of the project for another.",
            WWW_Authenticate='Bearer realm="vigie", error="invalid_token"',
        )
    return principal


async def sender_of(request: Request, authenticate: Authenticate) -> Principal:
    """Who sends events. Raises Problem: 401 as `principal_of`, 403 for a key that only reads."""
    principal = await principal_of(request, authenticate)
    if principal.role not in SENDERS:
        raise Problem(
            403, f"A key with the role {principal.role} only reads: send with one of ingest, editor or admin."
        )
    return principal
