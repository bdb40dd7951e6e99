"""Changes of health, followed by a socket of the running server."""

import asyncio

import pytest

from tests.running import Vigie
from tests.vigie.test_bug_events import Follower
from tests.vigie.test_health import DOCUMENT, SAVE_HEARTBEAT, ask, fetch, status_of, wait

pytestmark = pytest.mark.anyio


async def test_each_change_is_told_once_and_again_behind_a_cursor(vigie: Vigie) -> None:
    await asyncio.to_thread(wait, vigie, "ingest", "HEALTHY")  # Vigie's own components have been told by then
    made = await asyncio.to_thread(ask, vigie, None, SAVE_HEARTBEAT, input={"name": "backup", "every": "PT1H"})
    live = Follower(vigie, DOCUMENT, "HealthEvents", after=None)
    following = asyncio.create_task(live.follow(2))
    await live.started.wait()
    start = live.cursor
    for parameters, status in (("", "HEALTHY"), ("?status=down&message=disk+full", "DOWN")):
        sent = await asyncio.to_thread(fetch, f"{vigie.url}/push/{made['token']}{parameters}", "POST")
        assert sent[0] == 200
        assert await asyncio.to_thread(status_of, vigie, "backup") == status
    await following

    assert [(event["from"], event["to"], event["message"]) for event in live.events] == [
        ("UNKNOWN", "HEALTHY", None),
        ("HEALTHY", "DOWN", "disk full"),
    ]
    assert [event["component"]["status"] for event in live.events] == ["HEALTHY", "DOWN"]
    again = Follower(vigie, DOCUMENT, "HealthEvents", after=start)
    await again.follow(2)
    assert again.events == live.events
