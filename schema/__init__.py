"""GraphQL: what clients see. Strawberry lives here and nowhere below."""

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from schema.api_calls import ApiCallQuery
from schema.metrics import MetricsQuery
from schema.scalars import SCALARS
from schema.usage_events import UsageEventQuery

Query = merge_types("Query", (MetricsQuery, UsageEventQuery, ApiCallQuery))

schema = strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS))

__all__ = ["schema"]
