"""The checkout as the rules see it."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYERS = ("vigie", "schema", "ingest", "resolvers", "integrations", "realtime", "models")


def python_files(*folders: str) -> list[Path]:
    """Every Python file below these folders, by default of the whole checkout, without what is installed or built."""
    roots = [ROOT / folder for folder in folders] or [
        path for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "." and path.name != "dist"
    ]
    found = [path for root in roots for path in root.rglob("*.py") if "node_modules" not in path.parts]
    return sorted(found if folders else [*found, *ROOT.glob("*.py")])


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def syntax(paths: list[Path]) -> Iterator[tuple[str, ast.Module]]:
    """The name and the syntax tree of each file."""
    for path in paths:
        yield name_of(path), ast.parse(path.read_text())
