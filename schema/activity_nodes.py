"""What the facts of the feed happened to: objects of every type, those of one page in a statement for each type."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from models import ReadSession
from realtime.facts import ActivityFact
from resolvers.alerts.listing import alerts_by_number
from resolvers.alerts.silences import silences_by_number
from resolvers.alerts.telling import NODE_TYPE as ALERT
from resolvers.alerts.telling import SILENCE
from resolvers.bugs.reading import bugs_by_number
from resolvers.bugs.telling import NODE_TYPE as BUG
from resolvers.components.listing import components_by_number
from resolvers.components.telling import NODE_TYPE as COMPONENT
from resolvers.deployments import NODE_TYPE as DEPLOYMENT
from resolvers.deployments import deployments_by_number
from resolvers.recommendations.listing import recommendations_by_number
from resolvers.recommendations.telling import NODE_TYPE as RECOMMENDATION
from schema.alerts.silences import Silence
from schema.alerts.types import Alert
from schema.bugs.types import Bug
from schema.components import Component
from schema.context import Info
from schema.deployments import Deployment
from schema.ids import Node
from schema.recommendations.types import Recommendation

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class NodeType:
    """`by_number` answers rows by project and number, `of` makes the object from a row."""

    by_number: Callable[[ReadSession, list[Key]], Awaitable[dict[Key, Any]]]
    of: Callable[[Any], Node]


NODE_TYPES: Final[dict[str, NodeType]] = {
    ALERT: NodeType(alerts_by_number, Alert.of),
    SILENCE: NodeType(silences_by_number, Silence.of),
    BUG: NodeType(bugs_by_number, Bug.of),
    COMPONENT: NodeType(components_by_number, Component.of),
    DEPLOYMENT: NodeType(deployments_by_number, Deployment.of),
    RECOMMENDATION: NodeType(recommendations_by_number, Recommendation.of),
}


async def load_node(info: Info, fact: ActivityFact) -> Node | None:
    """The object that a fact happened to, as it is now; None when it is gone, or when it was about none."""
    node_type = NODE_TYPES.get(fact.node_type or "")
    if node_type is None or fact.node_key is None:
        return None
    row = await info.context.loader(node_type.by_number).load((fact.project_id, int(fact.node_key)))
    return None if row is None else node_type.of(row)
