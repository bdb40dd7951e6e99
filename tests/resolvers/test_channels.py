"""Channels: addresses by kind, sealed and masked; what is left out stays as it is."""

import pytest

from integrations.addresses import Allowed
from integrations.guard import Guard
from models import Channel, Database, Project
from models.secrets import Vault
from resolvers.channels import Address, Sealed, check_address, delete_channel, get_channel, save_channel
from resolvers.errors import Invalid, NotFound

VAULT = Vault("a key of these tests, long enough")
GUARD = Guard(Allowed(["127.0.0.0/8"]))
HOOK = Address("https://127.0.0.1/s3cret", "https://127.0.0.1/***")


async def save(
    database: Database, project: Project, *, number: int | None = None, kind: str = "webhook", **more: object
) -> tuple[Channel, str | None]:
    address = more.pop("address", None)
    assert address is None or isinstance(address, Address)
    values = {"name": "hook", **more}
    async with database.write() as session:
        return await save_channel(
            session,
            project_id=project.id,
            number=number,
            kind=kind,
            address=address,
            values=values,
            vault=VAULT,
            actor="tests",
        )


@pytest.mark.parametrize(
    ("kind", "url", "masked"),
    [
        ("webhook", "https://127.0.0.1:8443/s3cret?k=v", "https://127.0.0.1:8443/***"),
        ("slack", "http://user:pw@127.0.0.1/services/s3cret", "http://127.0.0.1/***"),
        ("email", "smtp://user:pw@127.0.0.1:2525?from=a@example.com&to=b@example.com", "mailto://127.0.0.1:2525/***"),
        ("apprise", "json://127.0.0.1/s3cret", "json://127.0.0.1/***"),
        ("slack", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#x", "slack://***"),
        ("sms", "twilio://AC" + "1" * 32 + ":" + "2" * 32 + "@15551234567/15557654321", "twilio://***"),
    ],
)
async def test_only_the_host_of_an_address_is_shown(kind: str, url: str, masked: str) -> None:
    assert (await check_address(GUARD, kind=kind, url=url)).masked == masked


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("webhook", "ftp://127.0.0.1/"),
        ("webhook", "http://"),
        ("webhook", "http://10.0.0.1/"),
        ("webhook", "http://0xA9FEA9FE/"),
        ("webhook", "http://[::ffff:10.0.0.1]/"),
        ("webhook", "https://127.0.0.1/***"),
        ("slack", "json://127.0.0.1/"),
        ("slack", "http://169.254.169.254/"),
        ("sms", "mailto://user:pw@gmail.com"),
        ("email", "https://127.0.0.1/"),
        ("email", "mailto://192.168.1.1?from=a@example.com&to=b@example.com"),
        ("apprise", "file:///etc/passwd"),
        ("apprise", "syslog://"),
        ("apprise", "gotify://10.0.0.1/3ccdd113474722377935511fc85d3dd4"),
        ("apprise", " "),
    ],
)
async def test_what_does_not_fit_or_may_not_be_reached_is_refused(kind: str, url: str) -> None:
    with pytest.raises(Invalid) as refused:
        await check_address(GUARD, kind=kind, url=url)
    assert refused.value.field == "url"


async def test_an_address_stays_sealed_until_another_comes(database: Database, project: Project) -> None:
    channel, secret = await save(database, project, address=HOOK)
    assert b"s3cret" not in channel.encrypted_url
    assert Sealed.open(VAULT, channel) == Sealed(HOOK.url, secret or "")

    kept, unchanged = await save(database, project, number=channel.id, name="renamed", enabled=False)
    assert (unchanged, kept.name, kept.enabled, kept.masked_url) == (None, "renamed", False, HOOK.masked)
    assert Sealed.open(VAULT, kept) == Sealed(HOOK.url, secret or "")

    renewed, another = await save(database, project, number=channel.id, new_secret=True)
    assert another not in (None, secret)
    assert Sealed.open(VAULT, renewed) == Sealed(HOOK.url, another or "")


async def test_a_new_channel_and_another_kind_need_an_address(database: Database, project: Project) -> None:
    with pytest.raises(Invalid):
        await save(database, project)
    channel, _ = await save(database, project, address=HOOK)
    with pytest.raises(Invalid):
        await save(database, project, number=channel.id, kind="slack")


async def test_a_deleted_channel_keeps_nothing(database: Database, project: Project) -> None:
    channel, _ = await save(database, project, address=HOOK)
    async with database.write() as session:
        await delete_channel(session, project_id=project.id, number=channel.id, actor="tests")
    async with database.read() as session:
        assert await get_channel(session, project_id=project.id, number=channel.id) is None
    with pytest.raises(NotFound):
        await save(database, project, number=channel.id, address=HOOK)
