"""The two blocks of figures, usage and API, and the roll-ups that can answer for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models import (
    ApiByRoute,
    ApiBySubject,
    ApiByTime,
    ApiCall,
    UsageByKey,
    UsageByModel,
    UsageBySubject,
    UsageByTime,
    UsageEvent,
)
from models.functions import json_scalar
from models.rollups import DAY, MINUTE, QUARTER
from resolvers.attribute_dimensions import PREFIX
from resolvers.rollups.measures import API_SUMS, USAGE_PAIRS, USAGE_SUMS, Measures


@dataclass(frozen=True, slots=True)
class Cube:
    """A family of roll-up rows: its dimensions, its grains (coarsest first), the watermark it follows."""

    table: Any
    dimensions: frozenset[str]
    grains: tuple[int, ...] = (DAY, QUARTER, MINUTE)
    watermark: str = "series"


@dataclass(frozen=True, slots=True)
class Block:
    """`sums` and `pairs` are measures over facts; `sketches` maps a sketch to the milliseconds it is made from.

    `filters` maps a field of the metrics filter to the column it restricts.
    """

    facts: Any
    sums: Measures
    pairs: Measures
    sketches: Mapping[str, Any]
    cubes: tuple[Cube, ...]
    filters: Mapping[str, str]

    def column(self, dimension: str) -> Any:
        """What the facts say of a dimension: a column, or behind PREFIX a key of `attributes`."""
        if dimension.startswith(PREFIX):
            return json_scalar(self.facts.attributes, dimension.removeprefix(PREFIX))
        return getattr(self.facts, dimension)


USAGE = Block(
    facts=UsageEvent,
    sums=USAGE_SUMS,
    pairs=USAGE_PAIRS,
    sketches={"latency": UsageEvent.duration_ms, "time_to_first_token": UsageEvent.time_to_first_token_ms},
    cubes=(
        Cube(UsageByTime, frozenset()),
        Cube(UsageByModel, frozenset({"provider", "model", "operation", "status"})),
        Cube(UsageBySubject, frozenset({"subject"}), (DAY,), "subjects"),
        Cube(UsageByKey, frozenset({"api_key_id"}), (QUARTER,), "subjects"),
    ),
    filters={
        "subjects": "subject",
        "models": "model",
        "providers": "provider",
        "operations": "operation",
        "statuses": "status",
        "environments": "environment",
    },
)

API = Block(
    facts=ApiCall,
    sums=API_SUMS,
    pairs={},
    sketches={"latency": ApiCall.duration_ms},
    cubes=(
        Cube(ApiByTime, frozenset()),
        Cube(ApiByRoute, frozenset({"method", "route", "status"})),
        Cube(ApiBySubject, frozenset({"subject"}), (DAY,), "subjects"),
    ),
    filters={"subjects": "subject", "routes": "route", "statuses": "status", "environments": "environment"},
)
