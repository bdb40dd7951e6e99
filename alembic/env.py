"""Runs the migrations on the connection that `vigie.migrations` hands over (never from the environment)."""

import re
from typing import Any

from alembic import context

from models import Base

PARTITION = re.compile(r"_\d{4}_\d{2}$")


def include_name(name: str | None, type_: str, parent_names: Any) -> bool:
    """Partitions of a month are made by the writer; comparing ignores them."""
    return not (type_ == "table" and name is not None and PARTITION.search(name))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=include_name,
    compare_type=True,
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
