"""GraphQL: what clients see. Strawberry lives here and nowhere below."""

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from schema.api_calls import ApiCallMutation, ApiCallQuery
from schema.metrics import MetricsQuery
from schema.metrics.live import LiveMetricsSubscription
from schema.scalars import SCALARS
from schema.usage_events import UsageEventMutation, UsageEventQuery

Query = merge_types("Query", (MetricsQuery, UsageEventQuery, ApiCallQuery))
Mutation = merge_types("Mutation", (UsageEventMutation, ApiCallMutation))
Subscription = merge_types("Subscription", (LiveMetricsSubscription,))

schema = strawberry.Schema(
    query=Query, mutation=Mutation, subscription=Subscription, config=StrawberryConfig(scalar_map=SCALARS)
)

__all__ = ["schema"]
