"""Channels: saved, listed, deleted. Their addresses are stored sealed, and opened for sending only."""

import asyncio
import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx2
import orjson
from sqlalchemy import func, select

from integrations import apprise_urls
from integrations.guard import Forbidden, Guard, Unresolved
from integrations.notifications import APPRISE, EMAIL, SLACK, SMS, WEBHOOK
from integrations.webhooks import is_http
from models import Channel, ReadSession, WriteSession
from models.secrets import CannotOpen, Vault
from resolvers.audit_entries import changes, record_audit_entry
from resolvers.errors import Invalid, LimitReached, NotFound
from resolvers.locks import lock_project
from resolvers.texts import check_text

MOST_NAME: Final = 100
MOST_URL: Final = 4000
MOST_CHANNELS: Final = 200
MASK: Final = "***"
RESOLVE_SECONDS: Final = 5.0
SECRET: Final = "vwh_"  # noqa: S105 — what generated ones begin with
MAIL: Final = {"smtp": "mailto", "smtps": "mailtos"}
HINTS: Final = {
    EMAIL: "mailtos://user:password@example.com?to=ops@example.com, or smtp://user:password@host:587?from=…&to=…",
    SLACK: "https://hooks.slack.com/services/…, or slack://…",
    SMS: "an address of a text message service that Apprise knows, such as twilio://SID:TOKEN@FROM/TO",
    WEBHOOK: "https://example.com/hooks/vigie",
    APPRISE: "any other address that Apprise knows",
}


@dataclass(frozen=True, slots=True)
class Address:
    """An address that was checked, and what may be shown of it."""

    url: str
    masked: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address leads: `host` is None where the service knows it. `masked` is what may be shown."""

    host: str | None
    port: int
    masked: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is stored sealed: the address, and the secret that signs what goes to a web hook."""

    url: str
    secret: str = ""

    def seal(self, vault: Vault, *, project_id: int, number: int) -> bytes:
        text = orjson.dumps({"url": self.url, "secret": self.secret}).decode()
        return vault.seal(text, project_id=project_id, of=_of(number))

    @classmethod
    def open(cls, vault: Vault, channel: Channel) -> Self:
        """Raises CannotOpen."""
        text = vault.open(channel.encrypted_url, project_id=channel.project_id, of=_of(channel.id))
        return cls(**orjson.loads(text))


async def check_address(guard: Guard, *, kind: str, url: str) -> Address:
    """What an address of a kind means. Raises Invalid. Resolves its host: never inside a write session.

    A host that has no address now may have one later: each sending looks again.
    """
    url = check_text(url, field="url", most=MOST_URL)
    if MASK in url:
        raise Invalid("This is the masked address: leave `url` out to keep the one that is stored.", field="url")
    if not url.isprintable() or " " in url:
        raise Invalid("An address has no blanks and no control characters.", field="url")
    if is_http(url) and kind in (WEBHOOK, SLACK):
        place = _of_http(url)
    elif kind == WEBHOOK:
        raise _not_such(kind)
    else:
        scheme, _, rest = url.partition("://")
        url = f"{MAIL.get(scheme.lower(), scheme)}://{rest}" if kind == EMAIL else url
        service = await asyncio.to_thread(_inspect, url, guard, kind)
        place = Place(service.host, service.port or 443, service.masked)
    if place.host is not None:
        await _reach(guard, place.host, place.port)
    return Address(url, place.masked)


async def save_channel(
    session: WriteSession,
    *,
    project_id: int,
    number: int | None,
    kind: str,
    address: Address | None,
    values: Mapping[str, Any],
    vault: Vault,
    actor: str,
) -> tuple[Channel, str | None]:
    """Adds a channel (`number` None) or changes one; answers it, and the secret of a web hook where that is new.

    `values` has `name`, and of minimum_severity, enabled and new_secret what is meant; None is the default. `address`
    is what `check_address` answered, None to keep the one that is stored. Raises Invalid, NotFound and LimitReached.
    """
    now = dt.datetime.now(dt.UTC)
    name = check_text(values["name"], field="name", most=MOST_NAME)
    await lock_project(session, project_id=project_id)
    if number is None:
        if address is None:
            raise Invalid(f"A new channel needs its address: {HINTS[kind]}.", field="url")
        channel = await _new(session, project_id, kind, now)
    else:
        channel = await _find(session, project_id, number)
        if address is None and kind != channel.kind:
            raise Invalid("With another kind comes another address: send `url` too.", field="url")
    before = None if number is None else _audited(channel)
    channel.name, channel.kind, channel.updated_at = name, kind, now
    if "minimum_severity" in values:
        channel.minimum_severity = values["minimum_severity"] or "low"
    if "enabled" in values:
        channel.enabled = values["enabled"] is not False
    secret = _seal(channel, address, vault, renew=bool(values.get("new_secret")))
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="channel.saved",
        target=f"channel:{channel.id}",
        details={"name": name, "newSecret": secret is not None, **changes(before, _audited(channel))},
    )
    return channel, secret


def _audited(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "kind": channel.kind,
        "url": channel.masked_url,
        "minimumSeverity": channel.minimum_severity,
        "enabled": channel.enabled,
    }


async def delete_channel(session: WriteSession, *, project_id: int, number: int, actor: str) -> None:
    """Deletes a channel and its address for good; what is on its way to it is given up. Raises NotFound."""
    await lock_project(session, project_id=project_id)
    channel = await _find(session, project_id, number)
    channel.deleted_at, channel.enabled, channel.encrypted_url = dt.datetime.now(dt.UTC), False, b""
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="channel.deleted",
        target=f"channel:{number}",
        details={"name": channel.name, "kind": channel.kind},
    )


async def get_channel(session: ReadSession, *, project_id: int, number: int) -> Channel | None:
    """The channel of that number, unless it is deleted."""
    return await session.scalar(
        select(Channel).where(Channel.project_id == project_id, Channel.id == number, Channel.deleted_at.is_(None))
    )


async def list_channels(
    session: ReadSession, *, project_id: int, limit: int, after: int | None = None
) -> Sequence[Channel]:
    """At most `limit` channels, in the order of adding, behind channel number `after`."""
    channels = select(Channel).where(Channel.project_id == project_id, Channel.deleted_at.is_(None))
    if after is not None:
        channels = channels.where(Channel.id > after)
    return await session.scalars(channels.order_by(Channel.id).limit(limit))


async def count_channels(session: ReadSession, *, project_id: int) -> int:
    """How many channels the project has."""
    channels = select(func.count()).select_from(Channel)
    return await session.scalar(channels.where(Channel.project_id == project_id, Channel.deleted_at.is_(None))) or 0


async def _new(session: WriteSession, project_id: int, kind: str, now: dt.datetime) -> Channel:
    if await count_channels(session, project_id=project_id) >= MOST_CHANNELS:
        raise LimitReached(f"The project has {MOST_CHANNELS} channels: delete those that nobody reads.")
    last = await session.scalar(select(func.max(Channel.id)).where(Channel.project_id == project_id)) or 0
    channel = Channel(
        project_id=project_id,
        id=last + 1,
        name="",
        kind=kind,
        minimum_severity="low",
        enabled=True,
        encrypted_url=b"",
        masked_url="",
        created_at=now,
        updated_at=now,
        deleted_at=None,
    )
    session.add(channel)
    return channel


async def _find(session: WriteSession, project_id: int, number: int) -> Channel:
    channel = await get_channel(session, project_id=project_id, number=number)
    if channel is None:
        raise NotFound("There is no such channel in this project.", field="id")
    return channel


def _seal(channel: Channel, address: Address | None, vault: Vault, *, renew: bool) -> str | None:
    """Stores an address; answers the secret where it is new."""
    try:
        kept = Sealed.open(vault, channel) if channel.encrypted_url else Sealed("")
    except CannotOpen as error:
        if address is None:
            raise Invalid(f"The stored address cannot be read ({error}): send `url` anew.", field="url") from error
        kept = Sealed("")
    signs = channel.kind == WEBHOOK
    secret = kept.secret if signs else ""
    new = SECRET + secrets.token_urlsafe(32) if signs and (renew or not secret) else None
    if address is not None or new is not None:
        made = Sealed(address.url if address else kept.url, new or secret)
        channel.encrypted_url = made.seal(vault, project_id=channel.project_id, number=channel.id)
    if address is not None:
        channel.masked_url = address.masked
    return new


def _of_http(url: str) -> Place:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise _not_such(WEBHOOK) from error
    if not parsed.host:
        raise _not_such(WEBHOOK)
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    port = f":{parsed.port}" if parsed.port else ""
    default = {"http": 80, "https": 443}[parsed.scheme]
    return Place(parsed.host, parsed.port or default, f"{parsed.scheme}://{host}{port}/***")


def _inspect(url: str, guard: Guard, kind: str) -> apprise_urls.Service:
    """In a thread: the first time takes a second."""
    try:
        service = apprise_urls.inspect(url, guard.allowed)
    except apprise_urls.Unknown as unknown:
        raise Invalid(f"{unknown} Wanted: {HINTS[kind]}.", field="url") from None
    fits = {
        EMAIL: service.service == "email",
        SLACK: service.service == "slack",
        SMS: service.service in apprise_urls.SMS,
    }
    if not fits.get(kind, True):
        raise _not_such(kind)
    return service


async def _reach(guard: Guard, host: str, port: int) -> None:
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            await guard.resolve(host, port)
    except Forbidden as refusal:
        raise Invalid(str(refusal), field="url") from refusal
    except (Unresolved, TimeoutError):
        return


def _not_such(kind: str) -> Invalid:
    return Invalid(f"This is no address for {kind.upper()}. Wanted: {HINTS[kind]}.", field="url")


def _of(number: int) -> str:
    return f"channel:{number}"
