"""Confines code of others that sends on somebody's word: it reaches allowed addresses, starts nothing, reads no data.

    with confined(allowed) as confinement:
        await library.send(url)
    confinement.check()     # raises Forbidden when it tried more than it may

Libraries resolve and connect by themselves, each in its way. What they share is Python's sockets: each connection is
checked when it is made, by the address that it goes to, so redirects, odd spellings, and names that mean something else
a moment later change nothing. It holds for the task that enters it, and for threads to which its context is copied.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from os import PathLike, fsdecode
from pathlib import Path
from typing import Any, Final

from integrations.addresses import Address, Allowed, plain_address
from integrations.guard import Forbidden

STARTS: Final = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"}
)
SYSTEM: Final = ("/usr/lib", "/usr/local/lib", "/usr/share", "/etc/ssl", "/etc/pki", "/etc/mime.types", "/dev/null")
WRITES: Final = frozenset("wax+")


class _Refused(PermissionError):  # noqa: N818 — a refusal
    """What the confined code sees: an OSError, with which every library can deal."""


@dataclass(slots=True)
class Confinement:
    """What one piece of code may, and what it tried."""

    allowed: Allowed
    forbidden: str | None = None
    """The first thing that was refused: an address or host, or what else it tried."""
    _named: set[Address] = field(default_factory=set)
    """The addresses of hosts that are allowed by name."""

    def check(self) -> None:
        """Raises Forbidden when something was refused."""
        if self.forbidden is not None:
            raise Forbidden(self.forbidden)

    def resolving(self, host: Any, port: Any) -> None:
        """Hears of each name that is looked up."""
        if isinstance(host, str | bytes) and self.allowed.host(name := fsdecode(host)):
            with _free():
                found = socket.getaddrinfo(name, port)
            self._named |= {plain_address(str(answer[4][0])) for answer in found}

    def connecting(self, address: Any) -> None:
        """Raises an OSError unless the address may be connected to."""
        where = address[0] if isinstance(address, tuple) and address else address
        try:
            there = plain_address(where) if isinstance(where, str) else None
        except ValueError:
            there = None
        if there is None or not (there in self._named or self.allowed.address(there)):
            self.refuse("the channel" if there is None else str(where))

    def opening(self, path: Any, mode: Any) -> None:
        """Raises an OSError unless it reads what belongs to Python or to the system."""
        if not isinstance(path, str | bytes | PathLike):
            return
        writes = isinstance(mode, str) and WRITES & set(mode)
        file = Path(fsdecode(path)).absolute()
        if writes or ".." in file.parts or not any(file.is_relative_to(folder) for folder in _readable()):
            raise _Refused(f"a notification may not open {file.name}")

    def refuse(self, what: str) -> None:
        """Remembers it and raises an OSError."""
        self.forbidden = self.forbidden or what
        raise _Refused(f"a notification may not reach {what}")


_confinement: ContextVar[Confinement | None] = ContextVar("confinement", default=None)


@contextmanager
def confined(allowed: Allowed) -> Iterator[Confinement]:
    """Confines what runs in this context."""
    _listen()
    confinement = Confinement(allowed)
    token = _confinement.set(confinement)
    try:
        yield confinement
    finally:
        _confinement.reset(token)


@contextmanager
def _free() -> Iterator[None]:
    token = _confinement.set(None)
    try:
        yield
    finally:
        _confinement.reset(token)


@cache
def _listen() -> None:
    """Begins to hear of what this process does: once, and for ever, as Python has it."""
    sys.addaudithook(_heard)


@cache
def _readable() -> tuple[str, ...]:
    return (sys.prefix, sys.base_prefix, *SYSTEM)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _HEARD:
        return
    confinement = _confinement.get()
    if confinement is None:
        return
    if event == "socket.getaddrinfo":
        confinement.resolving(*arguments[:2])
    elif event == "open":
        confinement.opening(*arguments[:2])
    elif event in STARTS:
        confinement.refuse("another program")
    elif arguments[1] is not None:  # None: a datagram to where the socket is connected
        confinement.connecting(arguments[1])


_HEARD: Final = STARTS | {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "open"}
