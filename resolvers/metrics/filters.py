"""What a metrics question is restricted to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from resolvers.attribute_dimensions import AttributeFilter, check_filters, dimension_of
from resolvers.errors import Invalid
from resolvers.metrics.blocks import Block

MOST_VALUES = 1000
_HTTP_STATUS = re.compile("[0-9]{3}")


@dataclass(frozen=True, slots=True)
class MetricsFilter:
    """Each list keeps rows with one of its values; an empty one keeps all. Raises Invalid past 1,000 values."""

    subjects: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    attributes: tuple[AttributeFilter, ...] = ()

    def __post_init__(self) -> None:
        check_filters(self.attributes)
        for field in fields(self):
            if len(getattr(self, field.name)) > MOST_VALUES:
                raise Invalid(f"A filter takes at most {MOST_VALUES} values a list.", field=f"filter.{field.name}")

    def columns(self, block: Block) -> Mapping[str, tuple[Any, ...]]:
        """The column values that this filter asks of a block; dimensions that the block lacks are ignored."""
        asked = {column: getattr(self, name) for name, column in block.filters.items() if getattr(self, name)}
        asked |= {dimension_of(one.key): one.values for one in self.attributes if one.values}
        if "status" in asked and block.facts.__table__.c.status.type.python_type is int:
            asked["status"] = tuple(int(word) for word in asked["status"] if _HTTP_STATUS.fullmatch(word))
        return {column: tuple(value for value in values if _storable(value)) for column, values in asked.items()}


def _storable(value: str | int) -> bool:
    """Whether a fact can have the value: PostgreSQL fails on others, and roll-ups write null as an empty string."""
    return isinstance(value, int) or (value != "" and "\x00" not in value)
