"""Which code may use what."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import LAYERS, ROOT, python_files, syntax

ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}
SETTINGS = "vigie/settings.py"
SETTINGS_OF_THE_SDK = "sdk/vigie_sdk/defaults.py"


def test_the_contracts_of_the_layers_are_kept() -> None:
    command = [f"{Path(sys.executable).parent}/lint-imports", "--no-cache"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", LAYERS)
def test_a_package_loads_from_the_checkout(name: str) -> None:
    """PyPI has a `schema` too: installed beside ours, it could overwrite it."""
    assert importlib.import_module(name).__file__ == str(ROOT / name / "__init__.py")


def test_the_sdk_loads_from_the_checkout() -> None:
    assert importlib.import_module("vigie_sdk").__file__ == str(ROOT / "sdk" / "vigie_sdk" / "__init__.py")


def test_the_migrations_do_not_shadow_the_alembic_library() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_only_the_settings_read_the_environment() -> None:
    readers = [name for name, tree in syntax(python_files(*LAYERS, "alembic", "sdk")) if reads_environment(tree)]

    assert [name for name in readers if name not in (SETTINGS, SETTINGS_OF_THE_SDK)] == []


@pytest.mark.parametrize(
    "source",
    ["import os; os.environ['A']", "import os as o; o.getenv('A')", "from os import environ as e"],
)
def test_reading_the_environment_is_seen(source: str) -> None:
    assert reads_environment(ast.parse(source))
    assert not reads_environment(ast.parse("import os; os.sep; environ = 1"))


def reads_environment(tree: ast.Module) -> bool:
    """Whether a module uses the environment through `os`, under whatever name it imports it."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    names = {alias.asname or alias.name for node in imports for alias in node.names if alias.name == "os"}
    return any(
        (isinstance(node, ast.ImportFrom) and node.module == "os" and ENVIRONMENT & {name.name for name in node.names})
        or (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and ast.unparse(node.value) in names)
        for node in ast.walk(tree)
    )
