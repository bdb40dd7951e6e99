"""Internet addresses: how people write them, which are everybody's, and which an administrator allows."""

import ipaddress
import socket
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")


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
        """Whether an address is public, or lies in an allowed network."""
        meant = _meant(address)
        return is_public(meant) or any(address in network or meant in network for network in self._networks)


def is_public(address: Address) -> bool:
    """Whether an address is one of the Internet's, as against private, loopback, link-local, multicast or reserved."""
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def plain_address(text: str) -> Address:
    """The address that a resolver answers; IPv4 for `::ffff:a.b.c.d`. Raises ValueError for what is none."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _meant(address: Address) -> Address:
    """The IPv4 address that translators and tunnels would go to for an IPv6 one that holds it; else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64 or (address in COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or address


def parse_address(host: str) -> str | None:
    """The address that a host is written as, in whatever notation (`0x7f.1`, `2130706433`); None when it is a name."""
    text = unicodedata.normalize("NFKC", host).replace("。", ".").rstrip(".")
    with suppress(ValueError):
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except (OSError, UnicodeError):
        return None


def is_localhost(host: str) -> bool:
    """Whether a name means this machine, whatever a resolver says (RFC 6761): `localhost.`, `anything.localhost`."""
    return f".{_bare(host)}".endswith(".localhost")


def _bare(host: str) -> str:
    return host.strip().rstrip(".").lower()


def _host(entry: str) -> str:
    name = _bare(entry)
    if not name or not all(label and label.replace("-", "").replace("_", "").isalnum() for label in name.split(".")):
        raise ValueError(f"`{entry[:100]}` is neither a network such as 10.0.0.0/8 nor a host")
    return name
