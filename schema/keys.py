"""Keys at the edges: how they ask whose one is."""

from collections.abc import Awaitable, Callable

from resolvers.principals import Principal

Authenticate = Callable[[str], Awaitable[Principal | None]]
"""Whose key or token it is; None when nobody's, revoked, expired or refused."""
