"""What leaves this process on somebody's word goes to public addresses only, unless the administrator allows others.

guard = Guard(Allowed(["10.1.0.0/16", "intranet.example"]))
addresses = await guard.resolve("example.com", 443)     # or Forbidden, or Unresolved
client = guard.client(timeout=10)                       # every connection of it, redirects' too, goes through `resolve`

A name is resolved when a connection is made, its addresses are checked, and the connection goes to one of these: what
the name means a moment later does not matter. Whatever way a host is spelled, what counts is where it leads.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cache
from typing import Final

import httpcore2
import httpx2

from integrations.addresses import Allowed, is_localhost, parse_address, plain_address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Answers the addresses of a host, in the order in which they are to be tried. Raises OSError when there are none."""

LOCALHOST: Final = "localhost"
MOST_TRIED: Final = 4


class Forbidden(Exception):  # noqa: N818 — a refusal
    """The host leads where nobody may be sent. The message names the host, not the address."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"`{host[:100]}` leads to a private, local or reserved address: only an administrator may allow that, "
            "by VIGIE_ALLOWED_NETWORKS."
        )


class Unresolved(Exception):  # noqa: N818 — a refusal
    """The host has no address. The message names the host."""

    def __init__(self, host: str) -> None:
        super().__init__(f"`{host[:100]}` has no address.")


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """What this machine's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard:
    """Resolves hosts and refuses what is not public, except what is `allowed`."""

    def __init__(self, allowed: Allowed | None = None, *, resolve: Resolve = resolve_by_system) -> None:
        self._allowed = allowed or Allowed()
        self._resolve = resolve

    @property
    def allowed(self) -> Allowed:
        """What it lets pass, for connections that others make."""
        return self._allowed

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, each of which may be connected to.

        Raises Forbidden when any of them may not, Unresolved when there are none.
        """
        written = parse_address(host)
        try:
            texts = [written] if written else await self._resolve(LOCALHOST if is_localhost(host) else host, port)
        except (OSError, UnicodeError) as error:
            raise Unresolved(host) from error
        found = [plain_address(text) for text in texts]
        if not found:
            raise Unresolved(host)
        if not self._allowed.host(host) and not all(map(self._allowed.address, found)):
            raise Forbidden(host)
        return [str(address) for address in found]

    def transport(self) -> httpx2.AsyncBaseTransport:
        """A transport whose connections go through `resolve`. It raises Forbidden and Unresolved as they are."""
        return _Transport(self)

    def client(self, *, timeout: float, follow_redirects: bool = False) -> httpx2.AsyncClient:
        """A client on such a transport, which knows no proxy. `timeout` (seconds) is that of each step."""
        return httpx2.AsyncClient(
            transport=self.transport(), timeout=timeout, trust_env=False, follow_redirects=follow_redirects
        )


class _Transport(httpx2.AsyncHTTPTransport):
    """The library's transport, over connections of ours."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(ssl_context=_tls(), network_backend=_Network(guard))


class _Network(httpcore2.AnyIOBackend):
    """Connects to the addresses that the guard has checked. TLS still asks for the host's own certificate."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 — the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception = Unresolved(host)
        for address in (await self._guard.resolve(host, port))[:MOST_TRIED]:
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading this machine's certificates takes a while."""
    return httpx2.create_ssl_context()
