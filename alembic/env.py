"""Runs the migrations on the connection that `vigie.migrate` hands over (never from the environment)."""

import re
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from models import Base

PARTITION = re.compile(r"_\d{4}_\d{2}$")


def include_name(name: str | None, type_: str, parent_names: Any) -> bool:
    """Partitions of a month are made by the writer; comparing ignores them."""
    return not (type_ == "table" and name is not None and PARTITION.search(name))


def render_item(kind: str, item: Any, drafted: AutogenContext) -> str | Literal[False]:
    """Column types of our own appear in drafts by their bare names."""
    if kind != "type" or not type(item).__module__.startswith("models."):
        return False
    drafted.imports.add(f"from {type(item).__module__} import {type(item).__name__}")
    return f"{type(item).__name__}()"


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=include_name,
    render_item=render_item,
    compare_type=True,
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
