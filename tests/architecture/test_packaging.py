"""What a wheel of Vigie holds."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import LAYERS, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        yield wheel


def test_a_wheel_holds_the_layers_and_the_migrations(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    migrations = {f"vigie/migrations/versions/{path.name}" for path in (ROOT / "alembic" / "versions").glob("*.py")}

    assert {f"{layer}/__init__.py" for layer in LAYERS} <= names
    assert {"vigie/migrations/env.py", *migrations} <= names


def test_a_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    folders = {Path(name).parts[0] for name in wheel.namelist()}

    assert folders - set(LAYERS) == {next(name for name in folders if name.endswith(".dist-info"))}


def test_a_wheel_is_not_for_the_index(wheel: zipfile.ZipFile) -> None:
    metadata = next(name for name in wheel.namelist() if name.endswith("METADATA"))

    assert "Classifier: Private :: Do Not Upload" in wheel.read(metadata).decode()
