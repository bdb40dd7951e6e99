"""What lies under `deploy/`, read."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

from tests.architecture.sources import ROOT
from vigie.settings import PREFIX, Settings

DEPLOY: Final = ROOT / "deploy"
DASHBOARDS: Final = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
RULES: Final = sorted((DEPLOY / "prometheus" / "rules").glob("*.yaml"))

KNOWN_VARIABLES: Final = frozenset(
    {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | {"FORWARDED_ALLOW_IPS"}
)
"""What the process reads: its settings, and uvicorn's list of proxies that may say who asks."""


def read_yaml(path: Path) -> Any:
    """The only document of a YAML file."""
    return yaml.safe_load(path.read_text())


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def read_environment(path: Path) -> dict[str, str]:
    """The variables of an environment file, in its order."""
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)
