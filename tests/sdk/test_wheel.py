"""The package as applications get it: its wheel, in an environment of its own, without the server's dependencies."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.sdk.doors import Door

PROGRAM = """
import asyncio, importlib.util, sys
import vigie_sdk
assert "site-packages" in vigie_sdk.__file__, vigie_sdk.__file__
assert not [name for name in ("openai", "starlette", "httpx2", "vigie", "schema") if importlib.util.find_spec(name)]
vigie_sdk.configure(sys.argv[1], "a-key-of-tests")

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})

async def main():
    async def receive(): return {"type": "http.request"}
    async def send(message): pass
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    await vigie_sdk.VigieMiddleware(app)(scope, receive, send)

asyncio.run(main())
assert vigie_sdk.track(asyncio) is asyncio
assert vigie_sdk.flush()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT / "sdk", check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    sources = {f"vigie_sdk/{path.name}" for path in (ROOT / "sdk" / "vigie_sdk").glob("*.py")}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("METADATA"))).decode()
    assert names == {*sources, "vigie_sdk/py.typed"}
    assert "Name: vigie-sdk" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "Requires-Dist" not in metadata
    assert "Private :: Do Not Upload" in metadata


def test_it_works_without_anything_else(wheel: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    uv = f"{Path(sys.executable).parent}/uv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    install = [uv, "pip", "install", "--quiet", "--offline", "--no-cache", "--python", str(python), str(wheel)]
    subprocess.run(install, check=True)
    with Door() as door:
        subprocess.run([str(python), "-W", "error", "-c", PROGRAM, door.url], check=True, cwd=tmp_path, timeout=60)
        (event,) = door.events
    assert (event["type"], event["status"], event["route"]) == ("apiCall", 204, "(unmatched)")
