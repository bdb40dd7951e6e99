"""What leaves this process on somebody's word goes to public addresses only, unless the administrator allows others.

guard = Guard(Allowed(["10.1.0.0/16", "intranet.example"]))
addresses = await guard.resolve("example.com", 443)     # or Forbidden, or Unresolved
client = guard.client(timeout=10)                       # every connection of it, redirects' too, goes through `resolve`

A name is resolved when a connection is made, its addresses are checked, and the connection goes to one of these: what
the name means a moment later does not matter. Whatever way a host is spelled, what counts is where it leads.
"""

import asyncio
import ipaddress
import socket
import ssl
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import Final

import httpcore2
import httpx2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Answers the addresses of a host, in the order in which they are to be tried. Raises OSError when there are none."""

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
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


class Allowed:
    """The networks (`10.0.0.0/8`, `::1`) and hosts (`intranet.example`) that are allowed though they are not public.

    Raises ValueError for an entry that is neither.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for entry in entries:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(_host(entry))

    def host(self, host: str) -> bool:
        """Whether a host is allowed by its name, wherever it leads."""
        return _bare(host) in self._hosts

    def address(self, address: Address) -> bool:
        """Whether an address lies in an allowed network."""
        return any(address in network for network in self._networks)


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """What this machine's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard:
    """Resolves hosts and refuses what is not public, except what is `allowed`."""

    def __init__(self, allowed: Allowed | None = None, *, resolve: Resolve = resolve_by_system) -> None:
        self._allowed = allowed or Allowed()
        self._resolve = resolve

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, each of which may be connected to.

        Raises Forbidden when any of them may not, Unresolved when there are none.
        """
        literal = _literal(host)
        try:
            texts = await self._resolve(host, port) if literal is None else [literal]
        except (OSError, UnicodeError) as error:
            raise Unresolved(host) from error
        found = [_plain(ipaddress.ip_address(text)) for text in texts]
        if not found:
            raise Unresolved(host)
        if not self._allowed.host(host) and not all(map(self.allows, found)):
            raise Forbidden(host)
        return [str(address) for address in found]

    def allows(self, address: Address) -> bool:
        """Whether an address is public or allowed."""
        meant = _meant(_plain(address))
        return self._allowed.address(address) or self._allowed.address(meant) or is_public(meant)

    def transport(self) -> httpx2.AsyncBaseTransport:
        """A transport whose connections go through `resolve`. It raises Forbidden and Unresolved as they are."""
        return _Transport(self)

    def client(self, *, timeout: float, follow_redirects: bool = False) -> httpx2.AsyncClient:
        """A client on such a transport, which knows no proxy. `timeout` (seconds) is that of each step."""
        return httpx2.AsyncClient(
            transport=self.transport(), timeout=timeout, trust_env=False, follow_redirects=follow_redirects
        )


def is_public(address: Address) -> bool:
    """Whether an address is one of the Internet's, as against private, loopback, link-local, multicast or reserved."""
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _plain(address: Address) -> Address:
    """The IPv4 address that `::ffff:a.b.c.d` is another spelling of."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _meant(address: Address) -> Address:
    """The IPv4 address that translators and tunnels would go to for an IPv6 one that holds it; else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64 or (address in COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or address


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


def _literal(host: str) -> str | None:
    """The address that a host is written as, in whatever notation (`0x7f.1`, `2130706433`); None when it is a name."""
    text = unicodedata.normalize("NFKC", host).replace("。", ".").rstrip(".")
    with suppress(ValueError):
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except (OSError, UnicodeError):
        return None


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading this machine's certificates takes a while."""
    return httpx2.create_ssl_context()


def _bare(host: str) -> str:
    return host.strip().rstrip(".").lower()


def _host(entry: str) -> str:
    name = _bare(entry)
    if not name or not all(label and label.replace("-", "").replace("_", "").isalnum() for label in name.split(".")):
        raise ValueError(f"`{entry[:100]}` is neither a network such as 10.0.0.0/8 nor a host")
    return name
