"""Notifications on their way out: what is sent, where, and what came of it.

    outcome = await notifier.send(target, message)      # never raises for what a channel does

Web hooks and Slack's web hooks are ours; everything else goes through Apprise. Nothing that is said of a failure holds
any part of a channel's address.
"""

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from integrations import apprise_urls, webhooks
from integrations.guard import Forbidden, Guard, Unresolved

TIMEOUT_SECONDS: Final = 60.0
EMAIL, SLACK, SMS, WEBHOOK, APPRISE = "email", "slack", "sms", "webhook", "apprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told: in words (`title`, `body`), and as data for programs (`payload`, JSON).

    `id` is that of the delivery: the same with every try. `ends` says that something is over.
    """

    id: str
    severity: str
    ends: bool
    title: str
    body: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where it goes: `kind` is a channel's. `secret` signs what goes to web hooks; `circuit` names its breaker."""

    kind: str
    url: str
    secret: str = ""
    circuit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`error` is None when it was taken. `hopeless`: trying again is in vain. `retry_after`: what the channel asks."""

    error: str | None = None
    hopeless: bool = False
    retry_after: dt.timedelta | None = None


class Sender(Protocol):
    """Sends notifications."""

    async def send(self, target: Target, message: Message) -> Outcome:
        """Tries once. Failures are answers, not exceptions."""
        ...


class Notifier:
    """The sender of this process: nothing goes where the guard does not let it."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def send(self, target: Target, message: Message) -> Outcome:
        """Tries once, for a minute at most."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._send(target, message)
        except TimeoutError:
            return Outcome(error=f"It took longer than {TIMEOUT_SECONDS:.0f} s.")
        except (Forbidden, Unresolved) as refusal:
            return Outcome(error=str(refusal), hopeless=isinstance(refusal, Forbidden))

    async def _send(self, target: Target, message: Message) -> Outcome:
        if webhooks.is_http(target.url):
            if target.kind == WEBHOOK:
                answer = await webhooks.post_alert(self._guard, target.url, target.secret, message.id, message.payload)
                return Outcome(error=answer.error, retry_after=answer.retry_after)
            if target.kind == SLACK:
                text = webhooks.SlackText(
                    title=message.title, body=message.body, severity=message.severity, ends=message.ends
                )
                answer = await webhooks.post_slack(self._guard, target.url, message.id, text)
                return Outcome(error=answer.error, retry_after=answer.retry_after)
        answer = await apprise_urls.send(
            self._guard.allowed,
            target.url,
            title=message.title,
            body=f"{message.body}\n\nDelivery {message.id}",
            severity="resolved" if message.ends else message.severity,
        )
        return Outcome(error=answer.error, retry_after=answer.retry_after)
