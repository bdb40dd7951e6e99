"""What a confined library may do: reach what is allowed, however it gets there, and nothing else on this machine."""

import asyncio
import contextlib
import datetime as dt
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from integrations import apprise_urls
from integrations.addresses import Allowed
from integrations.confinement import confined
from integrations.guard import Forbidden
from integrations.webhooks import Posted
from tests.receivers import Endpoint, Mailbox

NOTHING = Allowed()
LOCAL = Allowed(["127.0.0.0/8"])


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_private_address_is_out_of_reach_by_number_and_by_name(listener: socket.socket, host: str) -> None:
    with confined(NOTHING) as confinement, pytest.raises(OSError, match="may not reach"):
        socket.create_connection((host, listener.getsockname()[1]), timeout=1)
    with pytest.raises(Forbidden):
        confinement.check()


def test_what_is_allowed_is_reached(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with confined(LOCAL) as confinement:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    with confined(Allowed(["localhost"])):
        socket.create_connection(("localhost", port), timeout=1).close()
    confinement.check()
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_datagrams_and_local_sockets_are_confined_too(tmp_path: Path) -> None:
    with (
        confined(NOTHING),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
        pytest.raises(OSError, match="may not"),
    ):
        out.sendto(b"x", ("127.0.0.1", 9))
    with confined(LOCAL), socket.socket(socket.AF_UNIX) as out, pytest.raises(OSError, match="may not reach"):
        out.connect(str(tmp_path / "socket"))


def test_a_redirect_is_confined_by_where_it_leads(listener: socket.socket) -> None:
    port = listener.getsockname()[1]

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://[::1]:{port}/")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Redirect)
    Thread(target=server.handle_request, daemon=True).start()
    with confined(Allowed(["127.0.0.1/32"])) as confinement, contextlib.closing(server.socket):
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/", timeout=2)
        assert confinement.forbidden == "::1"


def test_files_and_programs_are_out_of_reach(tmp_path: Path) -> None:
    key = tmp_path / "encryption.key"
    key.write_text("secret")
    with confined(LOCAL):
        with pytest.raises(OSError, match="may not open"):
            key.read_text()
        with pytest.raises(OSError, match="may not open"):
            (tmp_path / "new").write_text("x")
        with pytest.raises(OSError, match="may not reach"):
            subprocess.run(["true"], check=False)
    assert key.read_text() == "secret"


async def test_only_the_task_that_enters_is_confined() -> None:
    async def elsewhere() -> None:
        await asyncio.sleep(0.01)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            socket.create_connection(listener.getsockname(), timeout=1).close()

    task = asyncio.create_task(elsewhere())
    with confined(NOTHING):
        await asyncio.sleep(0.02)
        await task


@pytest.mark.parametrize("scheme", ["json", "form", "xml", "gotify", "ntfy", "matrix", "mmost", "rocket", "mailto"])
async def test_every_service_of_apprise_is_confined(scheme: str) -> None:
    where = {
        "mailto": "?from=a@example.com&to=b@example.com",
        "matrix": "/%23room",
        "rocket": "/%23channel",
        "ntfy": "/topic",
    }
    user = "user:password@" if scheme in ("matrix", "rocket") else ""
    token = "/3ccdd113474722377935511fc85d3dd4" if scheme in ("gotify", "mmost") else ""
    with Endpoint() as endpoint:
        url = f"{scheme}://{user}127.0.0.1:{endpoint.port}{token}{where.get(scheme, '')}"
        with pytest.raises(Forbidden):
            await apprise_urls.send(NOTHING, url, title="t", body="b", severity="high")
        assert endpoint.got == []


async def test_apprise_sends_where_it_may() -> None:
    with Endpoint() as endpoint, Mailbox() as mailbox:
        mail = f"mailto://127.0.0.1:{mailbox.port}?from=a@example.com&to=b@example.com"
        for url in (endpoint.url("/x", scheme="json"), mail):
            assert await apprise_urls.send(LOCAL, url, title="t", body="b", severity="resolved") == Posted()
        assert len(endpoint.got) == len(mailbox.letters) == 1


async def test_what_a_service_says_of_when_to_come_back_is_heard() -> None:
    with Endpoint(answer=lambda number: (429, {"Retry-After": "7"})) as endpoint:
        answer = await apprise_urls.send(LOCAL, endpoint.url(scheme="json"), title="t", body="b", severity="high")
        assert answer.retry_after == dt.timedelta(seconds=7)


async def test_a_failure_is_never_called_a_success_and_tells_no_secret() -> None:
    with Endpoint(answer=lambda number: (500, {})) as endpoint:
        url = endpoint.url("/t0ken?optional=yes&retry=3", scheme="json")
        answer = await apprise_urls.send(LOCAL, url, title="t", body="b", severity="high")
        assert answer.error is not None
        assert "t0ken" not in answer.error
        assert len(endpoint.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "syslog://",
        "dbus://",
        "gnome://",
        "macosx://",
        "windows://",
        "file:///etc/passwd",
        "exec://ls",
        "mqtt://h/t",
        "http://example.com",
        "nonsense",
        "://",
        "json://",
    ],
)
def test_services_of_this_machine_and_nonsense_are_refused(url: str) -> None:
    with pytest.raises(apprise_urls.Unknown):
        apprise_urls.inspect(url, NOTHING)


def test_a_template_is_no_way_to_a_file(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret")
    url = f"discord://123456789012345678/{'a' * 60}?template={key}"
    answer = asyncio.run(apprise_urls.send(LOCAL, url, title="t", body="b", severity="high"))
    assert answer.error is not None
    assert "could not be read" in answer.error
