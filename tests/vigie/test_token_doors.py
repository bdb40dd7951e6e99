"""A token opens every door that a key opens, is listed among who is connected, and ends what it opened."""

import datetime as dt
import time
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from schema.websocket import PROTOCOL
from tests.integrations.http_server import serving
from tests.running import Vigie, Vigies
from tests.schema.serving import Socket
from tests.vigie.issuing import OTHER_SECRET, SECRET, published, rs256, token

pytestmark = pytest.mark.anyio

IN_TIME = 5.0
VIEWER = {"query": "{ viewer { name role project { name } } }"}
CONNECTED = "{ connections(first: 9) { edges { node { transport name apiKey { name } } } } }"
EVENT = {"kind": "usage", "provider": "openai", "model": "gpt-4o", "tokens": {"input": 1, "output": 1}}


async def ask(vigie: Vigie, query: str, **variables: Any) -> Any:
    async with httpx2.AsyncClient(headers=vigie.headers) as http:
        answer = await http.post(f"{vigie.url}/graphql", json={"query": query, "variables": variables})
    return answer.json()["data"]


async def statuses(vigie: Vigie, text: str) -> list[int]:
    """What the doors answer to a token: GraphQL, by either header, event streams, events, an export."""
    bearer, event = {"Authorization": f"Bearer {text}"}, {"events": [EVENT]}
    async with httpx2.AsyncClient(base_url=vigie.url) as http:
        answers = [
            await http.post("/graphql", json=VIEWER, headers=bearer),
            await http.post("/graphql", json=VIEWER, headers={"X-API-Key": text}),
            await http.post("/graphql", json=VIEWER, headers={**bearer, "Accept": "text/event-stream"}),
            await http.post("/v1/events", json=event, headers=bearer),
            await http.get("/export/usage.csv?last=PT1H", headers=bearer),
        ]
    return [answer.status_code for answer in answers]


async def follow(vigie: Vigie, text: str, *, by_header: bool) -> tuple[connect, Socket]:
    """A socket that has said who it is, by the header of its handshake or by its first message, and listens."""
    headers = {"Authorization": f"Bearer {text}"} if by_header else {}
    opening = connect(vigie.ws_url, subprotocols=[Subprotocol(PROTOCOL)], additional_headers=headers)
    socket = Socket(await opening.__aenter__())
    payload = {} if by_header else {"Authorization": f"Bearer {text}"}
    await socket.send({"type": "connection_init", "payload": payload})
    assert (await socket.receive())["type"] == "connection_ack"
    await socket.subscribe("a", "subscription { activity { cursor } }")
    assert (await socket.receive())["type"] == "next"
    return opening, socket


async def test_a_token_opens_every_door_and_ends_what_it_opened(vigies: Vigies) -> None:
    async with serving() as issuer:
        issuer.tell("/jwks", body=published(first=0))
        vigie = vigies.start(VIGIE_JWT_SECRETS=f"new:{OTHER_SECRET},{SECRET}", VIGIE_JWT_JWKS_URL=f"{issuer.url}/jwks")
        for text in (token(project="default"), token(OTHER_SECRET, project="default"), rs256(project="default")):
            assert await statuses(vigie, text) == [200, 200, 200, 200, 200]
        for text in (token(project="default", exp=1), rs256(kid="other", project="default"), token(project="nowhere")):
            assert await statuses(vigie, text) == [401, 401, 401, 401, 401]

        end = int(time.time()) + 6
        by_header, listening = await follow(vigie, token(project="default", exp=end), by_header=True)
        by_message, other = await follow(vigie, rs256(project="default", exp=end, sub="bob"), by_header=False)
        await ask(vigie, 'mutation { saveMember(input: {name: "eve", role: READER}) { member { name } } }')
        as_member, member = await follow(vigie, token(project="default", sub="eve", role=None), by_header=False)
        connected = [edge["node"] for edge in (await ask(vigie, CONNECTED))["connections"]["edges"]]
        assert {"transport": "WEBSOCKET", "name": "ana", "apiKey": None} in connected
        assert sorted(one["name"] for one in connected) == ["ana", "bob", "eve"]

        await ask(vigie, 'mutation { removeMember(input: {name: "eve"}) { removedName } }')
        began = time.monotonic()
        assert await member.closed() == (4403, "Forbidden")
        assert time.monotonic() - began < IN_TIME
        for socket in (listening, other):
            assert await socket.closed() == (4403, "Forbidden")
        assert 0 <= dt.datetime.now(dt.UTC).timestamp() - end < IN_TIME
        for opening in (by_header, by_message, as_member):
            await opening.__aexit__(None, None, None)
        assert SECRET not in vigie.log
        assert OTHER_SECRET not in vigie.log
