"""The guard: where requests on somebody's word may go, whatever way a host is spelled and whatever it means next."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import httpx2
import pytest
import uvloop

from integrations.addresses import Allowed, is_public
from integrations.guard import Forbidden, Guard, Unresolved

pytestmark = pytest.mark.anyio

HERE = Allowed(["127.0.0.0/8"])
SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "2130706433",
    "017700000001",
    "localhost",
    "LOCALHOST.",
    "metadata.localhost",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[0:0:0:0:0:0:0:1]",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00::1]",
    "[fec0::1]",
    "[ff02::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "１２７.0.0.1",
    "127。0。0。1",
]


def means(*answers: Sequence[str]) -> Callable[[str, int], "asyncio.Future[Sequence[str]]"]:
    """A resolver that gives these answers one after the other, the last one for ever."""
    left = list(answers)

    async def resolve(_: str, __: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve  # type: ignore[return-value]  # a coroutine function


@asynccontextmanager
async def serving(answer: str) -> AsyncIterator[int]:
    """A server on 127.0.0.1 that answers every connection so; gives its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


FINE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine"


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_gets_past(host: str) -> None:
    async with serving(FINE) as port, Guard().client(timeout=5) as client:
        with pytest.raises((Forbidden, httpx2.InvalidURL)):
            await client.get(f"http://{host}:{port}/")
    with pytest.raises(Forbidden):
        await Guard().resolve(host, port)


@pytest.mark.parametrize("host", ["localhost", "0x7f.1", "2130706433", "127.1", "::ffff:127.0.0.1"])
def test_nor_does_it_on_the_loop_that_serves(host: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, pytest.raises(Forbidden):
        runner.run(Guard().resolve(host, 80))


@pytest.mark.parametrize(
    ("address", "public"),
    [("1.1.1.1", True), ("2606:4700::1111", True), ("100.100.0.1", False), ("fec0::1", False), ("::", False)],
)
def test_public_is_what_everybody_can_reach(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::1.1.1.1", "::ffff:1.1.1.1"])
async def test_public_addresses_pass(address: str) -> None:
    assert len(await Guard(resolve=means([address])).resolve("example.com", 443)) == 1


@pytest.mark.parametrize("address", ["10.0.0.1", "::1", "64:ff9b::10.0.0.1", "2002:a00:1::", "fe80::1%2"])
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    with pytest.raises(Forbidden, match=r"rebind\.example"):
        await Guard(resolve=means([address])).resolve("rebind.example", 443)


async def test_one_address_inside_spoils_the_others() -> None:
    with pytest.raises(Forbidden):
        await Guard(resolve=means(["1.1.1.1", "127.0.0.1"])).resolve("mixed.example", 443)


async def test_a_name_without_an_address_says_so() -> None:
    for host in ("nobody.invalid", "", "a" * 70):
        with pytest.raises(Unresolved):
            await Guard().resolve(host, 80)
    with pytest.raises(Unresolved):
        await Guard(resolve=means([])).resolve("empty.example", 80)


async def test_an_allowed_network_is_reached() -> None:
    async with serving(FINE) as port, Guard(HERE).client(timeout=5) as client:
        for host in ("127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]"):
            assert (await client.get(f"http://{host}:{port}/")).text == "fine"


async def test_an_allowed_host_is_reached_wherever_it_leads() -> None:
    guard = Guard(Allowed(["Intranet.Example."]), resolve=means(["127.0.0.1"]))
    async with serving(FINE) as port, guard.client(timeout=5) as client:
        assert (await client.get(f"http://intranet.example:{port}/")).text == "fine"
        with pytest.raises(Forbidden):
            await client.get(f"http://other.example:{port}/")


@pytest.mark.parametrize("entry", ["", "10.0.0.0/33", "http://x", "a b", "*.example"])
def test_what_is_neither_network_nor_host_is_no_entry(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a network"):
        Allowed([entry])


async def test_the_connection_goes_where_the_check_looked() -> None:
    """A name that means something public when it is checked and this machine a moment later (rebinding)."""
    asked: list[str] = []
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    async with serving(FINE) as port, Guard(HERE, resolve=resolve).client(timeout=5) as client:
        assert (await client.get(f"http://rebind.example:{port}/")).text == "fine"
        assert asked == ["rebind.example"]
        with pytest.raises(Forbidden):
            await client.get(f"http://rebind.example:{port}/")


async def test_redirects_are_checked_too() -> None:
    inside = "HTTP/1.1 302 Found\r\nLocation: http://0x7f.1:{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with serving(FINE) as secret, serving(inside.format(secret)) as port:
        guard = Guard(Allowed(["public.example"]), resolve=means(["127.0.0.1"]))
        async with guard.client(timeout=5, follow_redirects=True) as client:
            with pytest.raises(Forbidden):
                await client.get(f"http://public.example:{port}/")


async def test_every_address_of_a_host_is_tried() -> None:
    guard = Guard(HERE, resolve=means(["127.0.0.2", "127.0.0.1"]))
    async with serving(FINE) as port, guard.client(timeout=5) as client:
        assert (await client.get(f"http://two.example:{port}/")).text == "fine"
    async with guard.client(timeout=5) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://two.example:{port}/")
