"""Tables, and the database that holds them."""

from models.activities import Activity
from models.alerts import (
    Alert,
    AlertClock,
    AlertEvaluation,
    AlertRule,
    AlertSuppression,
    AlertTransition,
    RuleState,
    Sample,
    Silence,
)
from models.api_calls import ApiCall
from models.api_keys import ApiKey
from models.attribute_dimensions import AttributeDimension
from models.audit_entries import AuditEntry
from models.base import Base
from models.budgets import Budget
from models.bugs import Bug, BugChange, BugComment, BugLabel, BugOccurrence, BugSpell
from models.channels import Channel
from models.commits import Commit, Counter
from models.components import Component, ComponentHour, ComponentSpell
from models.database import Database, ReadSession, WriteSession
from models.deliveries import Delivery, DeliveryAlert, DeliveryAttempt
from models.deployments import Deployment
from models.erasures import Erasure
from models.generations import Generation
from models.health_checks import HealthCheck
from models.heartbeats import Heartbeat
from models.ingest_rejects import IngestReject
from models.members import Member
from models.prices import Price
from models.projects import Project
from models.provider_accounts import ProviderAccount, ProviderCost
from models.recommendations import Recommendation, RecommendationKey
from models.repricings import Repricing
from models.retentions import Retention
from models.rollups import (
    ApiByRoute,
    ApiBySubject,
    ApiByTime,
    Subject,
    UsageByKey,
    UsageByModel,
    UsageBySubject,
    UsageByTime,
    Watermark,
)
from models.status_documents import StatusDocument
from models.subject_profiles import SubjectProfile
from models.usage_contents import ContentSettings, UsageContent
from models.usage_events import UsageEvent

__all__ = [
    "Activity",
    "Alert",
    "AlertClock",
    "AlertEvaluation",
    "AlertRule",
    "AlertSuppression",
    "AlertTransition",
    "ApiByRoute",
    "ApiBySubject",
    "ApiByTime",
    "ApiCall",
    "ApiKey",
    "AttributeDimension",
    "AuditEntry",
    "Base",
    "Budget",
    "Bug",
    "BugChange",
    "BugComment",
    "BugLabel",
    "BugOccurrence",
    "BugSpell",
    "Channel",
    "Commit",
    "Component",
    "ComponentHour",
    "ComponentSpell",
    "ContentSettings",
    "Counter",
    "Database",
    "Delivery",
    "DeliveryAlert",
    "DeliveryAttempt",
    "Deployment",
    "Erasure",
    "Generation",
    "HealthCheck",
    "Heartbeat",
    "IngestReject",
    "Member",
    "Price",
    "Project",
    "ProviderAccount",
    "ProviderCost",
    "ReadSession",
    "Recommendation",
    "RecommendationKey",
    "Repricing",
    "Retention",
    "RuleState",
    "Sample",
    "Silence",
    "StatusDocument",
    "Subject",
    "SubjectProfile",
    "UsageByKey",
    "UsageByModel",
    "UsageBySubject",
    "UsageByTime",
    "UsageContent",
    "UsageEvent",
    "Watermark",
    "WriteSession",
]
