"""A quiet socket ends with its key: revoked by another process, or expired."""

import asyncio
import datetime as dt
import subprocess
import sys
import time
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from schema.websocket import PROTOCOL
from tests.running import Vigie
from tests.schema.serving import Socket

pytestmark = pytest.mark.anyio

IN_TIME = 5.0
CREATE = "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { id } } }"


async def create(vigie: Vigie, **fields: Any) -> str:
    """The text of a new key."""
    body = {"query": CREATE, "variables": {"input": {"name": "ending", "role": "READER", **fields}}}
    async with httpx2.AsyncClient(headers=vigie.headers) as http:
        answer = (await http.post(f"{vigie.url}/graphql", json=body)).json()
    return str(answer["data"]["createApiKey"]["secret"])


async def listen(connection: ClientConnection, key: str) -> Socket:
    socket = Socket(connection)
    await socket.send({"type": "connection_init", "payload": {"apiKey": key}})
    assert (await socket.receive())["type"] == "connection_ack"
    await socket.subscribe("a", "subscription { activity { cursor } }")
    assert (await socket.receive())["type"] == "next"
    return socket


def to(vigie: Vigie) -> connect:
    return connect(vigie.ws_url, subprotocols=[Subprotocol(PROTOCOL)])


async def test_a_key_that_another_process_revokes(vigie: Vigie) -> None:
    key = await create(vigie)
    async with to(vigie) as connection, to(vigie) as other:
        socket, stays = await listen(connection, key), await listen(other, vigie.admin_key)
        command = [sys.executable, "-m", "vigie.cli", "keys", "revoke", "2"]
        await asyncio.to_thread(subprocess.run, command, env=vigie._environment, capture_output=True, check=True)
        began = time.monotonic()
        assert await socket.closed() == (4403, "Forbidden")
        assert time.monotonic() - began < IN_TIME
        await stays.send({"type": "ping"})
        while (await stays.receive())["type"] != "pong":
            pass


async def test_a_key_that_expires(vigie: Vigie) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    key = await create(vigie, expiresAt=end.isoformat())
    async with to(vigie) as connection:
        socket = await listen(connection, key)
        assert await socket.closed() == (4403, "Forbidden")
        assert 0 <= (dt.datetime.now(dt.UTC) - end).total_seconds() < IN_TIME
    async with to(vigie) as connection:
        late = Socket(connection)
        await late.send({"type": "connection_init", "payload": {"apiKey": key}})
        assert await late.closed() == (4403, "Forbidden")


async def test_a_key_that_revokes_itself_is_answered_first(vigie: Vigie) -> None:
    await create(vigie, role="ADMIN")
    async with httpx2.AsyncClient(headers=vigie.headers) as http:
        query = {"query": "{ apiKeys(first: 9) { edges { node { id } } } }"}
        own = (await http.post(f"{vigie.url}/graphql", json=query)).json()
    number = own["data"]["apiKeys"]["edges"][-1]["node"]["id"]
    async with to(vigie) as connection:
        socket = await listen(connection, vigie.admin_key)
        revoke = "mutation ($id: ID!) { revokeApiKey(input: {id: $id}) { apiKey { revokedAt } } }"
        await socket.subscribe("b", revoke, variables={"id": number})
        while (message := await socket.receive()).get("id") != "b":
            pass
        assert message["payload"]["data"]["revokeApiKey"]["apiKey"]["revokedAt"]
        assert await socket.closed() == (4403, "Forbidden")
