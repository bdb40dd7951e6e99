"""The servers that tests run on: they answer, stay on this machine, and leave nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from tests.servers import Server, started


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_silent(port: int) -> None:
    deadline = time.monotonic() + 10
    while answers(port):
        assert time.monotonic() < deadline, f"port {port} still answers"
        time.sleep(0.02)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


@pytest.mark.parametrize("kind", ["postgresql18", "postgresql16", "redis"])
def test_a_server_ends_with_the_process_that_started_it(kind: str, tmp_path: Path) -> None:
    code = f"from tests.servers import Server; print(Server({kind!r}).url, flush=True); input()"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    starter = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    with starter:
        assert starter.stdout is not None
        port = port_of(starter.stdout.readline())
        assert answers(port)
        starter.send_signal(signal.SIGKILL)

    wait_until_silent(port)


def test_a_server_comes_back_on_its_port(redis_url: str) -> None:
    with started("redis") as server:
        port = port_of(server.url)
    wait_until_silent(port)

    with started("redis", port) as server, redis.Redis.from_url(server.url) as client:
        assert server.url == f"redis://127.0.0.1:{port}/0"
        assert client.ping()


@pytest.mark.parametrize("kind", ["postgresql18", "redis"])
def test_a_server_that_does_not_start_shows_its_log(kind: str) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        server = Server(kind, occupied.getsockname()[1])
        with pytest.raises(RuntimeError, match="Address already in use"):
            _ = server.url


def test_tests_stay_on_this_machine() -> None:
    with pytest.raises(OSError, match="stay on this machine"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(OSError, match="stay on this machine"):
        socket.getaddrinfo("example.com", 443)
