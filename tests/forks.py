"""Starts `vigie` by fork from a process that has imported everything already.

Imports are most of the two or three seconds of work that a start of Vigie costs. What is forked runs the command
itself, with arguments, environment, folder and output of its own, and ends as any process does.

    forked = start(["serve"], env=..., cwd=..., log=...)
    forked.send_signal(signal.SIGTERM)
    forked.wait(60)
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import weakref
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

IMPORTED = ("vigie.cli", "vigie.cli.serve", "vigie.app", "vigie.server")
MESSAGE_BYTES = 1 << 17
DIGITS = 10


class Forked:
    """A started command, with what tests need of subprocess.Popen."""

    def __init__(self, pid: int, status: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status
        weakref.finalize(self, status.close)  # tests may let go of one that ended by itself

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired when it still runs after so many seconds."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("vigie", timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(int(self._status.recv(DIGITS)))
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it at once, unless it has ended."""
        self.send_signal(signal.SIGKILL)


def start(arguments: list[str], *, env: dict[str, str], cwd: Path, log: IO[bytes]) -> Forked:
    """Runs `vigie` with these arguments; what it writes goes to `log`."""
    control = _forking()
    ours, theirs = socket.socketpair()
    with theirs:
        order = json.dumps({"arguments": arguments, "env": env, "cwd": str(cwd)})
        socket.send_fds(control, [order.encode()], [log.fileno(), theirs.fileno()])
    return Forked(int(control.recv(DIGITS)), ours)


@cache
def _forking() -> socket.socket:
    """The way to the process that forks: one for each process that runs tests, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen([sys.executable, "-m", "tests.forks"], stdin=theirs.fileno(), start_new_session=True)

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


@dataclass(frozen=True, slots=True)
class _Order:
    arguments: list[str]
    env: dict[str, str]
    cwd: str


def _take_orders(control: socket.socket) -> _Order | None:
    """Forks for each order, and tells how each child ended. Answers its order in a child, None when all is over."""
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    children: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, MESSAGE_BYTES)
            _tell_of_ends(children)
        if control.fileno() in ready:
            message, received, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 2)
            if not message:
                return None
            log, status = received
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.close()
                for descriptor in (woken, wakes, status, *children.values()):
                    os.close(descriptor)
                for standard in (1, 2):
                    os.dup2(log, standard)
                os.close(log)
                return _Order(**json.loads(message))
            os.close(log)
            children[pid] = status
            control.send(str(pid).encode())


def _tell_of_ends(children: dict[int, int]) -> None:
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with contextlib.suppress(BrokenPipeError):
                os.write(children[pid], str(status).encode())
            os.close(children.pop(pid))


def _main() -> None:
    for module in IMPORTED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    order = _take_orders(control)
    if order is not None:
        os.environ.clear()
        os.environ.update(order.env)
        os.chdir(order.cwd)
        sys.argv = ["vigie", *order.arguments]
        importlib.import_module("vigie.cli").app()


if __name__ == "__main__":
    _main()
