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
from models.audit_entries import AuditEntry
from models.base import Base
from models.bugs import Bug, BugChange, BugComment, BugLabel, BugOccurrence, BugSpell
from models.channels import Channel
from models.commits import Commit, Counter
from models.components import Component, ComponentHour, ComponentSpell
from models.database import Database, ReadSession, WriteSession
from models.deliveries import Delivery, DeliveryAlert, DeliveryAttempt
from models.generations import Generation
from models.health_checks import HealthCheck
from models.heartbeats import Heartbeat
from models.projects import Project
from models.recommendations import Recommendation, RecommendationKey
from models.rollups import (
    ApiByRoute,
    ApiBySubject,
    ApiByTime,
    Subject,
    UsageByModel,
    UsageBySubject,
    UsageByTime,
    Watermark,
)
from models.status_documents import StatusDocument
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
    "AuditEntry",
    "Base",
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
    "Counter",
    "Database",
    "Delivery",
    "DeliveryAlert",
    "DeliveryAttempt",
    "Generation",
    "HealthCheck",
    "Heartbeat",
    "Project",
    "ReadSession",
    "Recommendation",
    "RecommendationKey",
    "RuleState",
    "Sample",
    "Silence",
    "StatusDocument",
    "Subject",
    "UsageByModel",
    "UsageBySubject",
    "UsageByTime",
    "UsageEvent",
    "Watermark",
    "WriteSession",
]
