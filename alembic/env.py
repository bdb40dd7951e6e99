"""Runs the migrations on the connection that `vigie.migrate` hands over (never from the environment)."""

import re
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.schema import SchemaItem

from models import Base

PARTITION = re.compile(r"_\d{4}_\d{2}$")
TEXT_SEARCH = re.compile(r"_fts(_\w+)?$")


def include_name(name: str | None, type_: str, parent_names: Any) -> bool:
    """Comparing ignores the partitions of a month, made by the writer, and the tables behind SQLite's text search."""
    return not (type_ == "table" and name is not None and (PARTITION.search(name) or TEXT_SEARCH.search(name)))


def include_object(item: SchemaItem, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
    """An index that only one database has is no difference on the other."""
    connection = context.config.attributes["connection"]
    return item.info.get("only_on", connection.dialect.name) == connection.dialect.name


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
    include_object=include_object,
    render_item=render_item,
    compare_type=True,
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
