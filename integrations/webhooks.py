"""Web hooks: JSON by HTTP to an address of somebody's choice, once, by guarded connections. Redirects are not followed.

What a signed one carries:

    Idempotency-Key     the delivery's id: the same each time that the same delivery is tried
    Vigie-Timestamp     when this try began, in seconds since the epoch
    Vigie-Signature     v1=HMAC-SHA256(secret, "<timestamp>.<body>") in hexadecimal
"""

import asyncio
import datetime as dt
import hashlib
import hmac
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx2
import orjson

from integrations.guard import Forbidden, Guard, Unresolved

TIMEOUT_SECONDS: Final = 15.0
COLOURS: Final = {"low": "#2e86de", "medium": "#f6c343", "high": "#f2711c", "critical": "#d0021b"}
OVER: Final = "#2eb67d"
MOST_SLACK: Final = 3000


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of it; `error` is None when the address took it."""

    error: str | None = None
    retry_after: dt.timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackText:
    title: str
    body: str
    severity: str
    ends: bool


def is_http(url: str) -> bool:
    """Whether an address is one of http or https."""
    return url.partition("://")[0].lower() in ("http", "https")


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What `Vigie-Signature` says."""
    signed = f"{timestamp}.".encode() + body
    return f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def slack_message(text: SlackText) -> dict[str, Any]:
    """A message for Slack's incoming web hooks: a line, and an attachment in the colour of the severity."""
    return {
        "text": _escaped(text.title)[:MOST_SLACK],
        "attachments": [
            {
                "color": OVER if text.ends else COLOURS[text.severity],
                "fallback": _escaped(text.title)[:MOST_SLACK],
                "text": _escaped(text.body)[:MOST_SLACK],
                "fields": [{"title": "Severity", "value": text.severity.capitalize(), "short": True}],
            }
        ],
    }


async def post_alert(guard: Guard, url: str, secret: str, delivery_id: str, payload: Mapping[str, Any]) -> Posted:
    """Posts a signed payload. Raises Forbidden and Unresolved."""
    body = orjson.dumps(payload)
    timestamp = int(time.time())
    headers = {"Vigie-Timestamp": str(timestamp), "Vigie-Signature": signature(secret, timestamp, body)}
    return await _post(guard, url, delivery_id, body, headers)


async def post_slack(guard: Guard, url: str, delivery_id: str, text: SlackText) -> Posted:
    """Posts to one of Slack's incoming web hooks, or what speaks like it. Raises Forbidden and Unresolved."""
    message = slack_message(text)
    message["attachments"][0]["footer"] = f"Delivery {delivery_id}"
    return await _post(guard, url, delivery_id, orjson.dumps(message), {})


def retry_after(value: str | None, now: dt.datetime) -> dt.timedelta | None:
    """What a `Retry-After` says: seconds or a date. None for what is neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return dt.timedelta(seconds=int(text))
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(date.replace(tzinfo=date.tzinfo or dt.UTC) - now, dt.timedelta())


async def _post(guard: Guard, url: str, delivery_id: str, body: bytes, headers: Mapping[str, str]) -> Posted:
    said = {"Content-Type": "application/json", "User-Agent": "Vigie", "Idempotency-Key": delivery_id, **headers}
    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            guard.client(timeout=TIMEOUT_SECONDS) as client,
            client.stream("POST", url, content=body, headers=said) as answer,
        ):
            return _read(answer)
    except TimeoutError:
        return Posted(f"No answer within {TIMEOUT_SECONDS:.0f} s.")
    except (Forbidden, Unresolved):
        raise
    except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError, ValueError) as error:
        # The type alone: a message may quote the address.
        return Posted(f"No connection, or it broke: {type(error).__name__}.")


def _read(answer: httpx2.Response) -> Posted:
    if answer.is_success:
        return Posted()
    if answer.is_redirect:
        return Posted(f"It answered {answer.status_code}: redirects are not followed.")
    wait = retry_after(answer.headers.get("retry-after"), dt.datetime.now(dt.UTC))
    return Posted(f"It answered {answer.status_code}.", retry_after=wait)


def _escaped(text: str) -> str:
    """Slack reads three characters as its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
