"""The programs of docs/clients.md, running."""

import fcntl
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from graphiql.build import install, node

FOLDER: Final = Path(__file__).parent
DOCUMENT: Final = FOLDER.parent.parent / "docs" / "clients.md"
ADDRESS: Final = "127.0.0.1:8000"

_PROGRAM: Final = re.compile(r"^```(?:js|python)\n((?://|#) (\S+)\n.*?)^```$", re.MULTILINE | re.DOTALL)


def programs() -> dict[str, str]:
    """The text of each file that the document shows, by its name."""
    return {name: text for text, name in _PROGRAM.findall(DOCUMENT.read_text())}


class Program:
    """One of them, following the Vigie at `url` with `key`. `folder` gets its files and its output."""

    def __init__(self, name: str, url: str, folder: Path, *, key: str) -> None:
        self.name = name
        self._command = [sys.executable if name.endswith(".py") else str(node()), name]
        self._environment = {**os.environ, "KEY": key}
        self._folder = folder
        self._output = folder / "output"
        folder.mkdir()
        for file, text in programs().items():
            (folder / file).write_text(text.replace(ADDRESS, url.removeprefix("http://")))
        (folder / "package.json").write_text('{"type": "module"}')
        (folder / "node_modules").symlink_to(packages())

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdout=output, stderr=output
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        print(f"--- output of {self.name}\n{self.output}")

    @property
    def output(self) -> str:
        """What it wrote to standard output and error so far."""
        return self._output.read_text()

    @property
    def told(self) -> list[str]:
        """The numbers of the events of `tests.clients.sending` that it was told of."""
        return re.findall(r"^number-\d+", self.output, re.MULTILINE)

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Waits until it wrote this. Raises TimeoutError, or RuntimeError when it ended without."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            if self._process.poll() is not None and text not in self.output:
                raise RuntimeError(f"it ended without {text!r}:\n{self.output}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {text!r} in:\n{self.output}")
            time.sleep(0.05)

    def wait(self, seconds: float = 30) -> int:
        """Its exit code, when it ends by itself. Raises TimeoutExpired."""
        return self._process.wait(seconds)


def packages() -> Path:
    with (FOLDER / "package.json").open() as lock:  # workers of a parallel run install once
        fcntl.flock(lock, fcntl.LOCK_EX)
        install(FOLDER)
    return FOLDER / "node_modules"
