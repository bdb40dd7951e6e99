"""What a delivery says: in words for people, as data for programs."""

from integrations.notifications import Message
from models import Delivery
from resolvers.deliveries.outbox import RESOLVED, TEST
from resolvers.global_ids import global_id

TEST_PAYLOAD = {
    "kind": TEST,
    "title": "Test: Vigie reaches this channel",
    "text": "Somebody tried this channel. There is nothing to do.",
    "alertCount": 0,
    "alerts": [],
}


def delivery_id(delivery: Delivery) -> str:
    """What each sending carries: the id of the delivery in the API."""
    return global_id("Delivery", delivery.project_id, delivery.id)


def message_of(delivery: Delivery) -> Message:
    """The message of a delivery. Its payload is what web hooks get."""
    told, number = delivery.payload, delivery_id(delivery)
    return Message(
        id=number,
        severity=delivery.severity,
        ends=delivery.kind == RESOLVED,
        title=_title(delivery.severity, told["title"]),
        body=_body(told["text"], (told.get("rule") or {}).get("runbookUrl")),
        payload={"deliveryId": number, "severity": delivery.severity.upper(), **told},
    )


def _title(severity: str, title: str) -> str:
    return f"[{severity.capitalize()}] {' '.join(title.split())}"


def _body(text: str, runbook_url: str | None) -> str:
    return f"{text}\n\nWhat to do: {runbook_url}" if runbook_url else text
