"""A real nginx with our configuration before two replicas: it carries everything and drops nothing."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from schema.websocket import PROTOCOL
from tests.databases import only_postgresql
from tests.deploy.files import DEPLOY, read_yaml
from tests.replicas.test_balanced import KEY, Follower
from tests.running import Vigie, Vigies
from tests.schema.serving import Socket
from tests.servers import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.long, only_postgresql]

HEADERS = {"X-API-Key": KEY}
CLIENTS = 4
QUERY = {"query": "{ viewer { project { name } } }"}
STREAM = {"query": "subscription { activity { cursor } }"}


@contextmanager
def nginx(replicas: list[Vigie], folder: Path) -> Iterator[str]:
    """Our configuration with the addresses of these replicas, its files in `folder`; gives the URL of nginx."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        raise RuntimeError("This test needs nginx, which `make test-long` installs on Debian: apt install nginx.")
    text = (DEPLOY / "compose" / "nginx.conf").read_text()
    for number, replica in enumerate(replicas, 1):
        text = text.replace(f"vigie-{number}:8000 resolve", urlsplit(replica.url).netloc)
    port = free_port()
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace(" /tmp/", f" {folder}/")
    (folder / "nginx.conf").write_text(text)
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off; user root;"]
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                httpx2.get(f"{url}/health/live").raise_for_status()
                break
            except httpx2.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()
        print((folder / "nginx.log").read_text())


@pytest.fixture
def url(vigies: Vigies, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[tuple[str, list[Vigie]]]:
    told = read_yaml(DEPLOY / "compose" / "compose.yaml")["x-vigie"]["environment"]
    settings = {
        "VIGIE_DATABASE_URL": database_url,
        "VIGIE_REDIS_URL": redis_url,
        "VIGIE_ADMIN_KEY": KEY,
        "VIGIE_DRAIN_SECONDS": told["VIGIE_DRAIN_SECONDS"],
    }
    replicas = [vigies.start(**settings) for _ in range(2)]
    with nginx(replicas, tmp_path) as url:
        yield url, replicas


async def test_requests_sockets_and_streams_go_through(url: tuple[str, list[Vigie]]) -> None:
    address, _ = url
    async with httpx2.AsyncClient(base_url=address, headers=HEADERS, timeout=10) as http:
        answer = (await http.post("/graphql", json=QUERY)).json()
        assert answer["data"] == {"viewer": {"project": {"name": "default"}}}
        assert (await http.get("/metrics")).status_code == 404
        large = json.dumps({"query": "{ viewer { name } }" + " " * 2_000_000})
        assert (await http.post("/graphql", content=large, headers={"Content-Type": "application/json"})).is_success
        async with http.stream("POST", "/graphql", json=STREAM, headers={"Accept": "text/event-stream"}) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            async with asyncio.timeout(5):
                async for line in stream.aiter_lines():
                    if line.startswith("data:"):
                        assert '"cursor"' in line
                        break
    async with connect(address.replace("http", "ws") + "/graphql", subprotocols=[Subprotocol(PROTOCOL)]) as connection:
        socket = Socket(connection)
        await socket.send({"type": "connection_init", "payload": {"apiKey": KEY}})
        assert (await socket.receive())["type"] == "connection_ack"


class Asking:
    """A client that keeps its connection and does one thing after the other; what failed, and how much went well."""

    def __init__(self, address: str, number: int) -> None:
        self._address = address
        self._name = f"client-{number}"
        self.failed: list[str] = []
        self.done = 0

    async def run(self) -> None:
        async with httpx2.AsyncClient(base_url=self._address, headers=HEADERS, timeout=30) as http:
            for number in count():
                event = {"type": "usage", "id": f"{self._name}-{number}", "time": "2026-01-15T12:00:00Z", "model": "m"}
                for path, body in (("/graphql", QUERY), ("/v1/events", {"events": [event]})):
                    try:
                        answer = await http.post(path, json=body)
                    except httpx2.HTTPError as error:
                        self.failed.append(f"{path}: {error!r}")
                        continue
                    if answer.status_code != 200 or "errors" in answer.json():
                        self.failed.append(f"{path}: {answer.status_code} {answer.text[:200]}")
                self.done += 1


async def test_replacing_the_replicas_one_by_one_drops_nothing(url: tuple[str, list[Vigie]]) -> None:
    address, replicas = url
    clients, followers = [Asking(address, number) for number in range(CLIENTS)], [Follower(address) for _ in range(4)]
    tasks = [asyncio.create_task(client.run()) for client in clients]
    tasks += [asyncio.create_task(follower.run()) for follower in followers]
    try:
        for follower in followers:
            await asyncio.wait_for(follower.started.wait(), 20)
        for replica in replicas:
            await asyncio.sleep(1)
            assert await asyncio.to_thread(replica.terminate) == 0
            await asyncio.sleep(1)
            await asyncio.to_thread(replica.start)
        await asyncio.sleep(1)
        for task in tasks[:CLIENTS]:
            task.cancel()
        assert [failure for client in clients for failure in client.failed] == []
        sent = sum(client.done for client in clients)
        async with asyncio.timeout(30):
            while any(len(follower.models) < sent for follower in followers):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert sent > 100
    # One of each client may be stored that it did not wait for.
    assert all(len(follower.models) - sent <= CLIENTS for follower in followers)
