"""Deliveries of a running Vigie: none is lost, and without a kill each is sent once, whatever happens meanwhile."""

import asyncio
import hashlib
import hmac
import random
import time
from collections import Counter
from pathlib import Path

import httpx2
import orjson

from tests.databases import only_postgresql, only_sqlite
from tests.receivers import Endpoint, Mailbox
from tests.running import Vigies
from tests.vigie.notified import DELIVERIES, LOCAL, TEST, ask, delivered, deliveries, save, tell, until


async def test_mail_web_hook_and_slack_get_each_notification_once(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, **LOCAL)
    with Endpoint() as endpoint, Mailbox() as mailbox:
        save(vigie, "WEBHOOK", endpoint.url("/hook"))
        save(vigie, "SLACK", endpoint.url("/slack"))
        save(vigie, "EMAIL", f"smtp://127.0.0.1:{mailbox.port}?from=vigie@example.com&to=ops@example.com")
        ids = []
        for alert in (1, 2, 3):
            ids += await tell(database_url, "firing", alerts=[alert])
            ids += await tell(database_url, "resolved", alerts=[alert])

        await until(lambda: delivered(vigie, ids))
        await asyncio.sleep(2)

        assert len(ids) == 18
        taken = endpoint.taken() + mailbox.taken()
        assert {one: taken[one] for one in ids} == dict.fromkeys(ids, 1)
        assert len({*ids} & {*mailbox.taken()}) == 6
        for path in ("/hook", "/slack"):
            mine = [one for one in endpoint.got if one.headers["idempotency-key"] in ids]
            told = [str(one.body) for one in mine if one.path == path]
            assert Counter("firing: error rate" in text for text in told) == {True: 3, False: 3}
    assert {one["attempts"] for one in deliveries(vigie, ids)} == {1}


@only_sqlite
async def test_the_end_never_overtakes_the_beginning(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, **LOCAL)
    with Endpoint(answer=lambda number: (503 if number <= 2 else 200, {})) as endpoint:
        save(vigie, "WEBHOOK", endpoint.url())
        ids = [*await tell(database_url, "firing", alerts=[7]), *await tell(database_url, "resolved", alerts=[7])]

        await until(lambda: {*ids} <= {*endpoint.taken()})

        assert [one for one in endpoint.taken() if one in ids] == ids


async def test_kills_at_any_point_lose_nothing(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, **LOCAL)
    chance = random.Random(5)

    def slowly(number: int) -> tuple[int, dict[str, str]]:
        time.sleep(chance.choice((0, 0.05, 0.3)))
        return 200, {}

    with Endpoint(answer=slowly) as endpoint, Mailbox() as mailbox:
        save(vigie, "WEBHOOK", endpoint.url())
        save(vigie, "EMAIL", f"mailto://127.0.0.1:{mailbox.port}?from=vigie@example.com&to=ops@example.com")
        ids = []
        for turn in range(4):
            for alert in range(3):
                ids += await tell(database_url, "firing", alerts=[turn * 3 + alert])
            await asyncio.sleep(chance.uniform(0.0, 2.5))
            vigie.kill()
            vigie.start()

        await until(lambda: delivered(vigie, ids), seconds=120)

        assert {*ids} <= {*endpoint.taken(), *mailbox.taken()}
        assert len({*ids} & {*mailbox.taken()}) == len(ids) / 2


@only_sqlite
async def test_a_channel_that_says_when_to_come_back_is_obeyed(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, **LOCAL)
    times: list[float] = []

    def busy(number: int) -> tuple[int, dict[str, str]]:
        times.append(time.monotonic())
        return (429, {"Retry-After": "4"}) if number == 1 else (200, {})

    with Endpoint(answer=busy) as endpoint:
        save(vigie, "SLACK", endpoint.url())
        ids = await tell(database_url, "firing")

        await until(lambda: delivered(vigie, ids))

        assert times[1] - times[0] >= 4
        assert endpoint.taken()[ids[0]] == 1
    assert [one["error"] for one in deliveries(vigie, ids)[0]["attemptLog"]] == ["It answered 429.", None]


@only_sqlite
async def test_an_outage_longer_than_three_retries_is_outlived(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, **LOCAL)
    endpoint = Endpoint()
    endpoint.start()
    save(vigie, "WEBHOOK", endpoint.url())
    endpoint.stop()
    ids = await tell(database_url, "firing")
    await until(lambda: deliveries(vigie, ids)[0]["attempts"] >= 4)

    with endpoint:
        await until(lambda: delivered(vigie, ids))

        assert endpoint.taken()[ids[0]] == 1


@only_postgresql
async def test_replicas_send_each_once_and_go_on_for_one_that_dies(
    vigies: Vigies, database_url: str, redis_url: str
) -> None:
    shared = {
        "VIGIE_DATABASE_URL": database_url,
        "VIGIE_REDIS_URL": redis_url,
        "VIGIE_ENCRYPTION_KEY": "a key of tests for both replicas",
        "VIGIE_ADMIN_KEY": "admin-key-of-tests-for-both-replicas",
        **LOCAL,
    }
    first = vigies.start(**shared)
    vigies.start(**shared)
    with Endpoint() as endpoint:
        save(first, "WEBHOOK", endpoint.url())
        ids = [(await tell(database_url, "firing", alerts=[alert]))[0] for alert in range(20)]
        await until(lambda: {*ids} <= {*endpoint.taken()})
        await asyncio.sleep(2)
        assert {one: endpoint.taken()[one] for one in ids} == dict.fromkeys(ids, 1)

        more = [(await tell(database_url, "resolved", alerts=[alert]))[0] for alert in range(20)]
        await asyncio.sleep(1)
        first.kill()
        await until(lambda: {*more} <= {*endpoint.taken()})


@only_sqlite
async def test_a_web_hook_can_tell_who_sends(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, **LOCAL)
    with Endpoint() as endpoint:
        saved = save(vigie, "WEBHOOK", endpoint.url())
        tried = ask(vigie, TEST, input={"id": saved["channel"]["id"]})["testChannel"]["delivery"]
        got = endpoint.got[0]
    signed = got.headers["vigie-timestamp"].encode() + b"." + got.body
    expected = hmac.new(saved["secret"].encode(), signed, hashlib.sha256).hexdigest()
    assert got.headers["vigie-signature"] == f"v1={expected}"
    assert abs(int(got.headers["vigie-timestamp"]) - time.time()) < 60
    assert got.headers["idempotency-key"] == tried["id"] == orjson.loads(got.body)["deliveryId"]
    assert (tried["status"], tried["attempts"], tried["error"]) == ("DELIVERED", 1, None)


def everything_in(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by their names."""
    return {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@only_sqlite
async def test_no_secret_of_a_channel_is_told_or_stored_in_clear(
    vigies: Vigies, database_url: str, tmp_path: Path
) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_LOG_LEVEL="debug", **LOCAL)
    secret = "s3cret-of-a-channel"
    with Endpoint(answer=lambda number: (500, {})) as endpoint:
        urls = {
            "WEBHOOK": endpoint.url(f"/{secret}?token={secret}"),
            "SLACK": endpoint.url(f"/services/{secret}"),
            "APPRISE": endpoint.url(f"/{secret}?token={secret}", scheme="json"),
            "EMAIL": f"mailto://{secret}:{secret}@127.0.0.1:9?from=vigie@example.com&to=ops@example.com",
        }
        saved = [save(vigie, kind, url) for kind, url in urls.items()]
        tried = [ask(vigie, TEST, input={"id": one["channel"]["id"]}) for one in saved]
        ids = await tell(database_url, "firing")
        await until(lambda: all(one["attempts"] for one in deliveries(vigie, ids)))
    shown = str([one["channel"] for one in saved]) + str(tried) + str(ask(vigie, DELIVERIES))
    metrics = httpx2.get(f"{vigie.url}/metrics").text
    vigie.terminate()
    files = everything_in(tmp_path)
    assert {"vigie.db", "vigie.jobs.db"} <= set(files)
    for hidden in (secret, saved[0]["secret"]):
        assert hidden not in shown
        assert hidden not in metrics
        assert hidden not in vigie.log
        assert not [name for name, content in files.items() if hidden.encode() in content]


async def test_the_feed_of_a_deleted_channel_is_given_up(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, **LOCAL)
    with Endpoint(answer=lambda number: (500, {})) as endpoint:
        saved = save(vigie, "WEBHOOK", endpoint.url())
        ids = await tell(database_url, "firing")
        await until(lambda: deliveries(vigie, ids)[0]["attempts"] >= 1)
        deleting = "mutation ($input: DeleteChannelInput!) { deleteChannel(input: $input) { deletedId } }"
        ask(vigie, deleting, input={"id": saved["channel"]["id"]})
        await until(lambda: deliveries(vigie, ids)[0]["status"] == "FAILED")
    assert deliveries(vigie, ids)[0]["error"] == "The channel was deleted."
