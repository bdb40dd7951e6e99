"""What stands before replicas: a balancer of our own for TCP, and haproxy."""

import asyncio
import itertools
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.running import Vigie
from tests.servers import free_port

HAPROXY = """
global
  maxconn 2000
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  option redispatch
  retries 3
frontend vigie
  bind 127.0.0.1:{port}
  default_backend replicas
backend replicas
  balance roundrobin
  option httpchk GET /health/ready
  default-server check inter 200ms fall 1 rise 1
{servers}
"""


class Balancer:
    """Gives each connection to the next replica that takes it. Runs in a thread of its own."""

    def __init__(self, replicas: list[Vigie]) -> None:
        self._addresses = [urlsplit(replica.url) for replica in replicas]
        self._turns = itertools.cycle(range(len(replicas)))
        self._loop = asyncio.new_event_loop()
        self.port = free_port()

    @contextmanager
    def running(self) -> Iterator[str]:
        """Balances while the block runs; gives its URL."""
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._carry, "127.0.0.1", self.port), self._loop
        ).result()
        try:
            yield f"http://127.0.0.1:{self.port}"
        finally:
            asyncio.run_coroutine_threadsafe(self._end(server), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        carrying = asyncio.all_tasks() - {asyncio.current_task()}
        for task in carrying:
            task.cancel()
        await asyncio.wait(carrying) if carrying else None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in self._addresses:
                address = self._addresses[next(self._turns)]
                with suppress(OSError):
                    there, here = await asyncio.open_connection(address.hostname, address.port)
                    await _both(_pass(reader, here), _pass(there, writer))
                    here.transport.abort()
                    return
        finally:
            writer.transport.abort()


async def _both(*ways: Coroutine[None, None, None]) -> None:
    """Runs until one way has ended."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()


@contextmanager
def haproxy(replicas: list[Vigie], folder: Path) -> Iterator[str]:
    """A running haproxy that asks each replica for its readiness; gives its URL."""
    program = shutil.which("haproxy", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        raise RuntimeError("This test needs haproxy, which `make test-long` installs on Debian: apt install haproxy.")
    port = free_port()
    servers = [f"  server replica{number} {urlsplit(one.url).netloc}" for number, one in enumerate(replicas)]
    configuration = folder / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(port=port, servers="\n".join(servers)))
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([program, "-db", "-f", str(configuration)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=5):
                return
        except (OSError, urllib.error.URLError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
