"""GraphQL: what clients see. Strawberry lives here and nowhere below."""

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from schema.activities import ActivityQuery, ActivitySubscription
from schema.alerts import AlertMutation, AlertQuery
from schema.alerts.events import AlertSubscription
from schema.alerts.silences import SilenceMutation, SilenceQuery
from schema.api_calls import ApiCallMutation, ApiCallQuery
from schema.api_keys import ApiKeyMutation, ApiKeyQuery
from schema.attributes import AttributeMutation, AttributeQuery
from schema.audit_entries import AuditEntryQuery
from schema.budgets import BudgetMutation, BudgetQuery
from schema.bugs import BugMutation, BugQuery
from schema.bugs.events import BugSubscription
from schema.cache import CacheMutation
from schema.channels import ChannelMutation, ChannelQuery
from schema.connections import ConnectionQuery
from schema.contents import ContentMutation, ContentQuery
from schema.databases import DatabaseQuery
from schema.deliveries import DeliveryMutation, DeliveryQuery
from schema.deployments import DeploymentMutation, DeploymentQuery
from schema.health import HealthMutation, HealthQuery, HealthSubscription
from schema.health_checks import HealthCheckMutation, HealthCheckQuery
from schema.heartbeats import HeartbeatMutation, HeartbeatQuery
from schema.ingest_rejects import IngestRejectQuery
from schema.members import MemberMutation, MemberQuery
from schema.metrics import MetricsQuery
from schema.metrics.live import LiveMetricsSubscription
from schema.nodes import NodeQuery
from schema.prices import PriceMutation, PriceQuery
from schema.projects import ProjectMutation, ProjectQuery
from schema.recommendations import RecommendationMutation, RecommendationQuery
from schema.recommendations.generating import RecommendationGenerationMutation
from schema.reconciliations import ReconciliationMutation, ReconciliationQuery
from schema.repricings import RepricingMutation, RepricingQuery, RepricingSubscription
from schema.scalars import SCALARS
from schema.storage import StorageMutation, StorageQuery
from schema.subjects import SubjectMutation, SubjectQuery
from schema.suspects import SuspectQuery
from schema.usage_events import UsageEventMutation, UsageEventQuery
from schema.viewer import ViewerQuery

Query = merge_types(
    "Query",
    (
        MetricsQuery,
        AttributeQuery,
        ContentQuery,
        IngestRejectQuery,
        BudgetQuery,
        ReconciliationQuery,
        SubjectQuery,
        UsageEventQuery,
        ApiCallQuery,
        ApiKeyQuery,
        ConnectionQuery,
        SuspectQuery,
        ViewerQuery,
        ProjectQuery,
        MemberQuery,
        AuditEntryQuery,
        ActivityQuery,
        NodeQuery,
        RecommendationQuery,
        BugQuery,
        HealthQuery,
        HealthCheckQuery,
        HeartbeatQuery,
        AlertQuery,
        SilenceQuery,
        ChannelQuery,
        DeliveryQuery,
        DeploymentQuery,
        PriceQuery,
        RepricingQuery,
        StorageQuery,
        DatabaseQuery,
    ),
)
Mutation = merge_types(
    "Mutation",
    (
        UsageEventMutation,
        AttributeMutation,
        ContentMutation,
        ApiCallMutation,
        ApiKeyMutation,
        ProjectMutation,
        MemberMutation,
        BudgetMutation,
        CacheMutation,
        ReconciliationMutation,
        SubjectMutation,
        RecommendationMutation,
        RecommendationGenerationMutation,
        BugMutation,
        HealthMutation,
        HealthCheckMutation,
        HeartbeatMutation,
        AlertMutation,
        SilenceMutation,
        ChannelMutation,
        DeliveryMutation,
        DeploymentMutation,
        PriceMutation,
        RepricingMutation,
        StorageMutation,
    ),
)
Subscription = merge_types(
    "Subscription",
    (
        LiveMetricsSubscription,
        ActivitySubscription,
        BugSubscription,
        HealthSubscription,
        AlertSubscription,
        RepricingSubscription,
    ),
)

schema = strawberry.Schema(
    query=Query, mutation=Mutation, subscription=Subscription, config=StrawberryConfig(scalar_map=SCALARS)
)

__all__ = ["schema"]
