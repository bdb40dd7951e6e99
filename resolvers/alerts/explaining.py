"""Why an alert is as it is: the evaluations, the steps of its life, what kept it quiet, whom it was sent to."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from models import AlertEvaluation, AlertSuppression, AlertTransition, Delivery, DeliveryAlert, ReadSession
from resolvers.alerts.evaluating import BREACHED


@dataclass(frozen=True, slots=True)
class Last:
    """The last so many rows about an alert."""

    project_id: int
    alert_id: int
    limit: int


async def evaluations_by_alert(session: ReadSession, wanted: Sequence[Last]) -> dict[Last, list[AlertEvaluation]]:
    """The last evaluations of alerts, the oldest first."""
    return await _last(session, wanted, AlertEvaluation, AlertEvaluation.time)


async def transitions_by_alert(session: ReadSession, wanted: Sequence[Last]) -> dict[Last, list[AlertTransition]]:
    """The last steps of alerts, the oldest first."""
    return await _last(session, wanted, AlertTransition, AlertTransition.ordinal)


async def suppressions_by_alert(session: ReadSession, wanted: Sequence[Last]) -> dict[Last, list[AlertSuppression]]:
    """What kept alerts quiet, the oldest first."""
    return await _last(session, wanted, AlertSuppression, AlertSuppression.since)


async def deliveries_by_alert(session: ReadSession, wanted: Sequence[Last]) -> dict[Last, list[Delivery]]:
    """The last deliveries that tell of alerts, the oldest first."""
    found: dict[Last, list[Delivery]] = {last: [] for last in wanted}
    for last in found:
        rows = await session.scalars(
            select(Delivery)
            .join(
                DeliveryAlert,
                (DeliveryAlert.project_id == Delivery.project_id) & (DeliveryAlert.delivery_id == Delivery.id),
            )
            .where(DeliveryAlert.project_id == last.project_id, DeliveryAlert.alert_id == last.alert_id)
            .order_by(Delivery.id.desc())
            .limit(last.limit)
        )
        found[last] = list(reversed(rows))
    return found


async def explanations(
    session: ReadSession, *, project_id: int, alert_ids: Collection[int], limit: int
) -> dict[int, dict[str, Any]]:
    """The explanation of alerts as JSON, with at most `limit` evaluations and steps of each."""
    wanted = [Last(project_id, alert_id, limit) for alert_id in alert_ids]
    evaluations = await evaluations_by_alert(session, wanted)
    transitions = await transitions_by_alert(session, wanted)
    return {
        last.alert_id: {
            "evaluations": [
                {
                    "time": row.time.isoformat(),
                    "value": row.value,
                    "threshold": row.threshold,
                    "breached": row.outcome == BREACHED,
                }
                for row in evaluations[last]
            ],
            "transitions": [
                {
                    "time": row.time.isoformat(),
                    "from": row.from_state and row.from_state.upper(),
                    "to": row.to_state.upper(),
                    "reason": row.reason,
                }
                for row in transitions[last]
            ],
        }
        for last in wanted
    }


async def _last(session: ReadSession, wanted: Sequence[Last], table: Any, order: Any) -> dict[Last, list[Any]]:
    """One statement for all alerts from which equally many rows are wanted."""
    alike: dict[tuple[int, int], dict[int, Last]] = defaultdict(dict)
    for last in wanted:
        alike[last.project_id, last.limit][last.alert_id] = last
    found: dict[Last, list[Any]] = {last: [] for last in wanted}
    for (project_id, limit), lasts in alike.items():
        place = func.row_number().over(partition_by=table.alert_id, order_by=order.desc()).label("place")
        keys = list(table.__table__.primary_key.columns)
        numbered = (
            select(*keys, place).where(table.project_id == project_id, table.alert_id.in_(list(lasts))).subquery()
        )
        same = [column == numbered.c[column.name] for column in keys]
        statement = select(table).join(numbered, *_and(same)).where(numbered.c.place <= limit).order_by(order)
        for row in await session.scalars(statement):
            found[lasts[row.alert_id]].append(row)
    return found


def _and(conditions: Sequence[Any]) -> tuple[Any]:
    first, *others = conditions
    for other in others:
        first = first & other
    return (first,)
