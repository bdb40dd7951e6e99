"""Puts the migrations into the wheel as `vigie/migrations` (a checkout reads them from `alembic/`)."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class MigrationsHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"]["alembic"] = "vigie/migrations"
