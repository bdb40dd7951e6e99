"""The root field `node`: any object of the key's project, by its id."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import strawberry

from models import ReadSession
from resolvers import activities, api_calls, api_keys, usage_events
from resolvers.alerts.listing import channels_by_number, get_alert
from resolvers.alerts.rules import get_rule
from resolvers.alerts.silences import MAINTENANCE, SILENCE, get_silence
from resolvers.budgets.listing import get_budget
from resolvers.bugs.comments import get_comment
from resolvers.bugs.reading import get_bug
from resolvers.components.listing import get_component
from resolvers.connections import Connections
from resolvers.deliveries.listing import get_delivery
from resolvers.deployments import get_deployment
from resolvers.erasures.listing import get_erasure
from resolvers.health_checks.listing import get_health_check
from resolvers.heartbeats.saving import get_heartbeat
from resolvers.prices.listing import get_price
from resolvers.principals import Principal, Role
from resolvers.recommendations.listing import get_recommendation
from resolvers.repricings.listing import get_repricing
from schema.activities import Activity
from schema.alerts.rules import AlertRule
from schema.alerts.silences import MaintenanceWindow, Silence
from schema.alerts.types import Alert
from schema.api_calls import ApiCall
from schema.api_keys import ApiKey
from schema.budgets import Budget
from schema.bugs.types import Bug, BugComment
from schema.channels import Channel
from schema.components import Component
from schema.connections import Socket
from schema.context import Info
from schema.deliveries import Delivery
from schema.deployments import Deployment
from schema.guards import READS
from schema.health_checks import HealthCheck
from schema.heartbeats import Heartbeat
from schema.ids import Node, decode_id
from schema.prices import Price
from schema.recommendations.types import Recommendation
from schema.repricings import Repricing
from schema.subjects import Erasure
from schema.usage_events import UsageEvent
from schema.viewer import Project, Viewer

NUMBER: Final = re.compile("[1-9][0-9]{0,17}")
LARGEST_KEY: Final = 2**31 - 1

Load = Callable[[ReadSession, Principal, int], Awaitable[Node | None]]
"""Answers the object with a number in the principal's project, or None: not there, or not for this key."""


async def _usage_event(session: ReadSession, principal: Principal, number: int) -> UsageEvent | None:
    fact = await usage_events.get_usage_event(session, project_id=principal.project_id, seq=number)
    return UsageEvent.of(fact) if fact else None


async def _api_call(session: ReadSession, principal: Principal, number: int) -> ApiCall | None:
    fact = await api_calls.get_api_call(session, project_id=principal.project_id, seq=number)
    return ApiCall.of(fact) if fact else None


async def _activity(session: ReadSession, principal: Principal, number: int) -> Activity | None:
    fact = await activities.get_activity(session, project_id=principal.project_id, seq=number)
    return Activity.of(fact) if fact else None


async def _api_key(session: ReadSession, principal: Principal, number: int) -> ApiKey | None:
    if principal.role is not Role.ADMIN or number > LARGEST_KEY:
        return None
    row = await api_keys.get_api_key(session, project_id=principal.project_id, key_id=number)
    return ApiKey.of(row) if row else None


async def _recommendation(session: ReadSession, principal: Principal, number: int) -> Recommendation | None:
    if number > LARGEST_KEY:
        return None
    row = await get_recommendation(session, project_id=principal.project_id, number=number)
    return Recommendation.of(row) if row else None


async def _budget(session: ReadSession, principal: Principal, number: int) -> Budget | None:
    if number > LARGEST_KEY:
        return None
    row = await get_budget(session, project_id=principal.project_id, number=number)
    return Budget.of(row) if row else None


async def _erasure(session: ReadSession, principal: Principal, number: int) -> Erasure | None:
    if principal.role is not Role.ADMIN or number > LARGEST_KEY:
        return None
    row = await get_erasure(session, project_id=principal.project_id, number=number)
    return Erasure.of(row) if row else None


async def _bug(session: ReadSession, principal: Principal, number: int) -> Bug | None:
    row = await get_bug(session, project_id=principal.project_id, number=number)
    return Bug.of(row) if row else None


async def _bug_comment(session: ReadSession, principal: Principal, number: int) -> BugComment | None:
    if number > LARGEST_KEY:
        return None
    row = await get_comment(session, project_id=principal.project_id, comment_id=number)
    return BugComment.of(row) if row else None


async def _component(session: ReadSession, principal: Principal, number: int) -> Component | None:
    if number > LARGEST_KEY:
        return None
    row = await get_component(session, project_id=principal.project_id, number=number)
    return Component.of(row) if row else None


async def _health_check(session: ReadSession, principal: Principal, number: int) -> HealthCheck | None:
    if number > LARGEST_KEY:
        return None
    checked = await get_health_check(session, project_id=principal.project_id, number=number)
    return HealthCheck.of(checked) if checked else None


async def _heartbeat(session: ReadSession, principal: Principal, number: int) -> Heartbeat | None:
    if number > LARGEST_KEY:
        return None
    beating = await get_heartbeat(session, project_id=principal.project_id, number=number)
    return Heartbeat.of(beating) if beating else None


async def _alert(session: ReadSession, principal: Principal, number: int) -> Alert | None:
    if number > LARGEST_KEY:
        return None
    row = await get_alert(session, project_id=principal.project_id, number=number)
    return Alert.of(row) if row else None


async def _alert_rule(session: ReadSession, principal: Principal, number: int) -> AlertRule | None:
    if number > LARGEST_KEY:
        return None
    row = await get_rule(session, project_id=principal.project_id, number=number)
    return AlertRule.of(row) if row else None


async def _silence(session: ReadSession, principal: Principal, number: int) -> Silence | None:
    if number > LARGEST_KEY:
        return None
    row = await get_silence(session, project_id=principal.project_id, number=number)
    return Silence.of(row) if row and row.kind == SILENCE else None


async def _maintenance_window(session: ReadSession, principal: Principal, number: int) -> MaintenanceWindow | None:
    if number > LARGEST_KEY:
        return None
    row = await get_silence(session, project_id=principal.project_id, number=number)
    return MaintenanceWindow.of(row) if row and row.kind == MAINTENANCE else None


async def _channel(session: ReadSession, principal: Principal, number: int) -> Channel | None:
    key = (principal.project_id, number)
    row = (await channels_by_number(session, [key])).get(key) if number <= LARGEST_KEY else None
    return Channel.of(row) if row and row.deleted_at is None else None


async def _delivery(session: ReadSession, principal: Principal, number: int) -> Delivery | None:
    if number > LARGEST_KEY:
        return None
    row = await get_delivery(session, project_id=principal.project_id, number=number)
    return Delivery.of(row) if row else None


async def _deployment(session: ReadSession, principal: Principal, number: int) -> Deployment | None:
    if number > LARGEST_KEY:
        return None
    row = await get_deployment(session, project_id=principal.project_id, number=number)
    return Deployment.of(row) if row else None


async def _price(session: ReadSession, principal: Principal, number: int) -> Price | None:
    if number > LARGEST_KEY:
        return None
    row = await get_price(session, project_id=principal.project_id, number=number)
    return Price.of(row) if row else None


async def _repricing(session: ReadSession, principal: Principal, number: int) -> Repricing | None:
    if number > LARGEST_KEY:
        return None
    row = await get_repricing(session, project_id=principal.project_id, number=number)
    return Repricing.of(row) if row else None


async def _project(session: ReadSession, principal: Principal, number: int) -> Project | None:
    return Viewer.of(principal).project if number == principal.project_id else None


def _socket(connections: Connections, principal: Principal, number: int) -> Socket | None:
    """A connection, which this process alone knows."""
    held = connections.get(principal.project_id, number) if principal.role is Role.ADMIN else None
    return Socket.of(held, project_id=principal.project_id, process=connections.process) if held else None


LOADERS: Final[dict[str, Load]] = {
    "UsageEvent": _usage_event,
    "ApiCall": _api_call,
    "Activity": _activity,
    "ApiKey": _api_key,
    "Project": _project,
    "Budget": _budget,
    "Bug": _bug,
    "Erasure": _erasure,
    "BugComment": _bug_comment,
    "Recommendation": _recommendation,
    "Component": _component,
    "Alert": _alert,
    "AlertRule": _alert_rule,
    "Silence": _silence,
    "MaintenanceWindow": _maintenance_window,
    "Channel": _channel,
    "Delivery": _delivery,
    "Deployment": _deployment,
    "HealthCheck": _health_check,
    "Heartbeat": _heartbeat,
    "Price": _price,
    "Repricing": _repricing,
}


@strawberry.type
class NodeQuery:
    @strawberry.field(
        description="The object with an id; null when there is none, or none that this key may see.", extensions=[READS]
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The object's `id`.")],  # noqa: A002
    ) -> Node | None:
        principal, wanted = info.context.principal, decode_id(id)
        load = LOADERS.get(wanted.type_name)
        if wanted.project_id != principal.project_id or not NUMBER.fullmatch(wanted.key):
            return None
        if wanted.type_name == "Socket":
            return _socket(info.context.services.connections, principal, int(wanted.key))
        if load is None:
            return None
        async with info.context.reading() as session:
            return await load(session, principal, int(wanted.key))
