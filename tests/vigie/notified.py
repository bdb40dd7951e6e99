"""Channels of a running Vigie, and notifications that it has to deliver, written as the rules do."""

import asyncio
import datetime as dt
from collections.abc import Callable, Collection, Sequence
from typing import Any

import httpx2

from models import Database
from resolvers.alerts.clocks import lock
from resolvers.deliveries.outbox import Notification, enqueue
from resolvers.global_ids import global_id
from tests.running import Vigie

PROJECT = 1
LOCAL = {"VIGIE_ALLOWED_NETWORKS": "127.0.0.0/8"}
SAVE = """mutation ($input: SaveChannelInput!) { saveChannel(input: $input) {
    channel { id name kind maskedUrl minimumSeverity enabled } secret userErrors { code field message } } }"""
TEST = """mutation ($input: TestChannelInput!) { testChannel(input: $input) {
    delivery { id status attempts error channel { id } attemptLog { error } } userErrors { code field message } } }"""
DELIVERIES = "{ deliveries(first: 200) { edges { node { id kind status attempts error attemptLog { time error } } } } }"


def ask(vigie: Vigie, query: str, **variables: Any) -> Any:
    """The answer's `data`."""
    body = {"query": query, "variables": variables}
    answer = httpx2.post(f"{vigie.url}/graphql", json=body, headers=vigie.headers, timeout=90).json()
    assert "errors" not in answer, answer
    return answer["data"]


def save(vigie: Vigie, kind: str, url: str, **more: Any) -> Any:
    """A new channel and its secret, as `saveChannel` answers them."""
    return ask(vigie, SAVE, input={"name": kind.title(), "kind": kind, "url": url, **more})["saveChannel"]


def deliveries(vigie: Vigie, ids: Collection[str]) -> list[dict[str, Any]]:
    """Those deliveries, the newest first: rules that every project has may write others."""
    edges = ask(vigie, DELIVERIES)["deliveries"]["edges"]
    return [edge["node"] for edge in edges if edge["node"]["id"] in ids]


def delivered(vigie: Vigie, ids: Collection[str]) -> bool:
    """Whether all of them were."""
    return {one["status"] for one in deliveries(vigie, ids)} == {"DELIVERED"}


async def tell(url: str, kind: str, *, alerts: Sequence[int] = (1,), severity: str = "high") -> list[str]:
    """Writes a notification for every channel; answers the ids of its deliveries."""
    database, now = Database(url), dt.datetime.now(dt.UTC)
    payload = {"kind": kind, "title": f"{kind}: error rate", "text": "error rate 12 % > 5 %", "alerts": list(alerts)}
    try:
        async with database.write() as session:
            await lock(session, project_id=PROJECT)
            written = await enqueue(
                session,
                notification=Notification(
                    project_id=PROJECT, kind=kind, severity=severity, payload=payload, time=now, alert_ids=alerts
                ),
            )
        return [global_id("Delivery", PROJECT, delivery.id) for delivery in written]
    finally:
        await database.close()


async def until(holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Waits until it holds. Raises AssertionError when it does not in time."""
    try:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 — another process makes it true
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"it did not happen within {seconds} s") from None
