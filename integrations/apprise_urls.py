"""Addresses of Apprise: checked, masked, and sent to, confined to what may be reached.

Some of its services speak to this machine instead of the network, or by threads of their own: these are refused.
"""

import datetime as dt
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

from integrations.addresses import Allowed
from integrations.confinement import confined
from integrations.webhooks import Posted, retry_after

LOCAL: Final = frozenset(
    {"blink1", "dbus", "deltachat", "glib", "gnome", "growl", "macosx", "mqtt", "smpp", "syslog", "windows", "xmpp"}
)
"""Modules of Apprise whose services are refused."""
SMS: Final = frozenset(
    {
        "africas_talking",
        "bulksms",
        "bulkvs",
        "burstsms",
        "clickatell",
        "clicksend",
        "cm",
        "d7networks",
        "eight00com",
        "exotel",
        "fortysixelks",
        "freemobile",
        "httpsms",
        "infobip",
        "kaleyra",
        "kavenegar",
        "messagebird",
        "mobilemessage",
        "msg91",
        "notifyre",
        "octopush",
        "plivo",
        "serwersms",
        "seven",
        "sfr",
        "sinch",
        "smsc",
        "smseagle",
        "smsmanager",
        "smstunnel",
        "sns",
        "telesign",
        "telnyx",
        "twilio",
        "voipms",
        "vonage",
    }
)
"""Modules of Apprise that send text messages."""
CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 30.0
MOST_ERROR: Final = 300
LEAST_SECRET: Final = 4
TYPES: Final = {"resolved": "success", "low": "info", "medium": "warning", "high": "failure", "critical": "failure"}


@dataclass(slots=True)
class Heard:
    """What Apprise complains of, and the last `Retry-After` that it was answered."""

    complaints: list[str] = field(default_factory=list)
    retry_after: str | None = None


_heard: ContextVar[Heard | None] = ContextVar("heard", default=None)


class Unknown(Exception):  # noqa: N818 — a refusal
    """An address that Apprise does not know, or that is refused. The message holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Service:
    """What an address leads to. `service` is the name of Apprise's module; `host` is None where Apprise knows it."""

    service: str
    scheme: str
    host: str | None
    port: int | None

    @property
    def masked(self) -> str:
        """What may be shown of the address."""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}/***" if self.host else f"{self.scheme}://***"


def inspect(url: str, allowed: Allowed) -> Service:
    """What an address leads to. Raises Unknown."""
    with confined(allowed) as confinement, _listening() as heard:
        plugin = _plugin(url)
        if plugin is None:
            why = f" Apprise says: {_told_of(url, heard)}" if heard.complaints else ""
            raise Unknown(f"Apprise does not understand this address.{why}")
    if confinement.forbidden is not None:
        raise Unknown("This address makes Vigie reach for what channels may not have.")
    service = type(plugin).__module__.split(".plugins.", 1)[-1].split(".")[0]
    if service in LOCAL:
        raise Unknown("This service stays on the machine of Vigie, or cannot be confined: it is no channel.")
    own = any("{host}" in template for template in plugin.templates or ())
    private = plugin.template_tokens.get("host", {}).get("private", False)
    host = str(plugin.host) if own and not private and getattr(plugin, "host", None) else None
    return Service(service, url.partition("://")[0].lower(), host, getattr(plugin, "port", None) if host else None)


async def send(allowed: Allowed, url: str, *, title: str, body: str, severity: str) -> Posted:
    """Sends once. Raises Forbidden. `severity` may also be `resolved`."""
    with confined(allowed) as confinement, _listening() as heard:
        plugin = _plugin(url)
        if plugin is None:
            return Posted("Apprise does not understand the address any more.")
        # Tries are counted and spread by the deliveries; failures are never to look like successes.
        plugin.retry, plugin.optional = 0, False
        plugin.socket_connect_timeout, plugin.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
        apprise = _apprise()
        apprise.add(plugin)
        sent = await apprise.async_notify(title=title, body=body, notify_type=TYPES[severity], body_format="text")
    confinement.check()
    if sent:
        return Posted()
    wait = retry_after(heard.retry_after, dt.datetime.now(dt.UTC))
    return Posted(_told_of(url, heard) or "The service did not take it.", retry_after=wait)


def _plugin(url: str) -> Any:
    from apprise import Apprise  # noqa: PLC0415 — a second to import, for those who use it

    return Apprise.instantiate(url, asset=_asset())


def _apprise() -> Any:
    from apprise import Apprise  # noqa: PLC0415

    return Apprise(asset=_asset())


@cache
def _asset() -> Any:
    """What every service of Apprise shares: no files, no plugins from elsewhere."""
    from apprise import AppriseAsset  # noqa: PLC0415

    _hear_answers()
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [_Listener()], False
    return AppriseAsset(app_id="Vigie", app_desc="Vigie", secure_logging=True, storage_mode="memory", plugin_paths=[])


class _Listener(logging.Handler):
    """Hears Apprise's complaints instead of the log, which must not have what is in them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        heard = _heard.get()
        if heard is not None:
            heard.complaints.append(record.getMessage())


def _hear_answers() -> None:
    """Hears when services want to be asked again: Apprise keeps that from who calls it."""
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    send = HTTPAdapter.send

    def listening(adapter: HTTPAdapter, *arguments: Any, **named: Any) -> Any:
        answer = send(adapter, *arguments, **named)
        heard = _heard.get()
        if heard is not None:
            heard.retry_after = answer.headers.get("Retry-After")
        return answer

    HTTPAdapter.send = listening  # type: ignore[method-assign, assignment]


@contextmanager
def _listening() -> Iterator[Heard]:
    heard = Heard()
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def _told_of(url: str, heard: Heard) -> str:
    """The first complaint, without any part of the address."""
    text = " ".join(heard.complaints[0].split()) if heard.complaints else ""
    parts = {part for part in re.split(r"[/:@?&=,;#\s]+", url) if len(part) >= LEAST_SECRET}
    for part in sorted(parts | {unquote(part) for part in parts}, key=len, reverse=True):
        text = text.replace(part, "***")
    return text[:MOST_ERROR]
