"""What files look like, and what they never carry."""

import ast
import json
import re

from tests.architecture.sources import LAYERS, ROOT, name_of, python_files, syntax

MOST_LINES = 400
VAGUE = {"base_utils", "common", "helpers", "misc", "util", "utils"}


def test_no_python_file_is_longer_than_400_lines() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in python_files()}

    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name, tree in syntax(python_files(*LAYERS, "sdk")) if not ast.get_docstring(tree)]

    assert silent == []


def test_no_name_says_nothing() -> None:
    assert [name_of(path) for path in python_files() if VAGUE & {path.stem, path.parent.name}] == []


def test_requirements_are_locked_with_hashes_and_without_addresses() -> None:
    locks = sorted(ROOT.glob("requirements*.lock"))

    assert len(locks) == 3
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text, lock.name
        pinned = re.findall(r"^[a-z0-9][^\n]*? \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
        assert pinned, lock.name
        assert len(pinned) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)), lock.name
    assert not [name for name in ("uv.lock", "pylock.toml") if (ROOT / name).exists()]


def test_npm_locks_carry_hashes_and_no_addresses() -> None:
    locks = [path for path in ROOT.glob("[!.]*/**/package-lock.json") if "node_modules" not in path.parts]

    assert locks
    for lock in locks:
        packages = json.loads(lock.read_text())["packages"]
        for name, package in packages.items():
            assert "resolved" not in package, f"{name_of(lock)}: {name}"
            assert name == "" or "integrity" in package, f"{name_of(lock)}: {name}"
