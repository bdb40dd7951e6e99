"""Vigie processes for tests: the real `vigie serve`, in a process, on a port and in a folder of its own."""

import os
import secrets
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests import forks
from tests.servers import free_port

PATIENCE = 60.0
"""Seconds that a process may take to become ready, or to end when it is asked to."""


class Vigie:
    """One `vigie serve`. `settings` are its `VIGIE_*` variables; its log goes to `folder`."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}/graphql"
        self.admin_key = settings.get("VIGIE_ADMIN_KEY", f"admin-key-of-tests-{secrets.token_hex(16)}")
        self.headers = {"Authorization": f"Bearer {self.admin_key}"}
        self._folder = folder
        self._log = folder / "vigie.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
        self._environment = {
            **inherited,
            "VIGIE_PORT": str(port),
            "VIGIE_DATA_DIR": str(folder / "data"),
            "VIGIE_ADMIN_KEY": self.admin_key,
            "VIGIE_DRAIN_SECONDS": "0",
            **settings,
        }
        self._process: forks.Forked | None = None

    @property
    def log(self) -> str:
        """What it wrote to standard output and error so far, over all its starts."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> None:
        """Starts it and waits until it is ready. Raises RuntimeError with its log when it does not become so."""
        with self._log.open("ab") as log:
            self._process = forks.start(["serve"], env=self._environment, cwd=self._folder, log=log)
        deadline = time.monotonic() + PATIENCE
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Vigie did not become ready:\n{self.log}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Ends it as a crash does: `kill -9`."""
        process = self._running()
        process.kill()
        process.wait()

    def terminate(self) -> int:
        """Asks it to end, as an orchestrator does; answers its exit code. Raises TimeoutExpired when it stays."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE)

    def restart(self) -> None:
        """Starts it again, ending it before when it runs, with the same settings, port and folder."""
        if self._running().poll() is None:
            self.terminate()
        self.start()

    def _running(self) -> forks.Forked:
        if self._process is None:
            raise RuntimeError("Vigie was never started")
        return self._process

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=PATIENCE) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as refused:
            refused.close()
            return False
        except OSError:
            return False


class Vigies:
    """The Vigie processes of one test: killed at its end, their logs printed for pytest to show when it failed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Vigie] = []

    def start(self, **settings: str) -> Vigie:
        """One more process with these `VIGIE_*` settings, ready."""
        folder = self._folder / f"vigie-{len(self._started) + 1}"
        folder.mkdir()
        vigie = Vigie(folder, settings)
        self._started.append(vigie)
        vigie.start()
        return vigie

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for vigie in self._started:
            vigie.kill()
            print(f"--- log of {vigie.url}\n{vigie.log}")
