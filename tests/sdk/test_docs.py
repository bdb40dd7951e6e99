"""The programs of the documents, run against a local OpenAI API and a real Vigie, which tells of them at once."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.databases import only_sqlite
from tests.openai_api import OpenAIApi
from tests.running import Vigie
from tests.test_docs import blocks

LATEST_SECONDS = 5.0
ACTIVITY = """
subscription { activity(kinds: [USAGE, API_CALL]) { cursor events { title subject node {
  ... on UsageEvent { model status estimated operation attributes error { type } timeToFirstTokenMs costUsd
    tokens { input output cacheRead reasoning } }
  ... on ApiCall { route answered: status cache }
} } } }
"""


def program(document: str, name: str, **models: str) -> str:
    """A program of a document, with other names of models."""
    (text,) = (text for text in blocks(document, "python") if text.startswith(f"# {name}\n"))
    for model, other in models.items():
        text = text.replace(f'"{model.replace("_", "-")}"', f'"{other}"')
    return text


def environment(vigie: Vigie, api: OpenAIApi) -> dict[str, str]:
    named = {"OPENAI_BASE_URL": api.url, "OPENAI_API_KEY": "sk-tests"}
    return {**os.environ, **named, "VIGIE_URL": vigie.url, "VIGIE_API_KEY": vigie.admin_key}


@asynccontextmanager
async def activity(vigie: Vigie) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """What the subscription tells from now on."""
    async with connect(vigie.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None) as socket:
        await socket.send(orjson.dumps({"type": "connection_init", "payload": {"apiKey": vigie.admin_key}}).decode())
        await socket.recv()
        await socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": {"query": ACTIVITY}}).decode())

        async def events() -> AsyncIterator[dict[str, Any]]:
            async for text in socket:
                message = orjson.loads(text)
                if message["type"] == "next":
                    for event in message["payload"]["data"]["activity"]["events"]:
                        yield event

        first = orjson.loads(await socket.recv())
        assert first["type"] == "next", first  # and empty
        yield events()


async def told(events: AsyncIterator[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """The next events of model calls and API calls, which come in time."""
    async with asyncio.timeout(LATEST_SECONDS):
        return [await anext(events) for _ in range(number)]


@only_sqlite
async def test_ten_lines_show_their_calls_within_five_seconds(vigie: Vigie, api: OpenAIApi) -> None:
    wanted = "gpt-4o+input=1000+cached=600+output=200+reasoning=150"
    text = program("README.md", "harbours.py", gpt_4o=wanted, no_such_model="no-such-model+fail=404")
    assert len([line for line in text.splitlines()[1:] if line.strip()]) == 10
    async with activity(vigie) as events:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", text, env=environment(vigie, api), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        output, errors = await process.communicate()
        assert output.split() == [b"word0", b"word1", b"word2", b"word3", b"word4"] * 2
        assert b"NotFoundError" in errors.splitlines()[-1]
        plain, streamed, aborted, failed = (event["node"] for event in await told(events, 4))
    tokens = {"input": 1000, "output": 200, "cacheRead": 600, "reasoning": 150}
    assert [plain["tokens"], streamed["tokens"]] == [tokens, tokens]
    assert [plain["status"], streamed["status"], aborted["status"], failed["status"]] == [
        "OK",
        "OK",
        "ABORTED",
        "ERROR",
    ]
    assert [plain["estimated"], streamed["estimated"], aborted["estimated"], failed["estimated"]] == [
        False,
        False,
        True,
        False,
    ]
    assert plain["costUsd"] == streamed["costUsd"] != "0"
    assert (plain["timeToFirstTokenMs"], streamed["timeToFirstTokenMs"] > 0) == (None, True)
    assert failed["error"]["type"] == "NotFoundError"
    assert all(node["attributes"] == {"feature": "harbours"} for node in (plain, streamed, aborted, failed))


@only_sqlite
async def test_the_programs_of_the_sdks_page_work(vigie: Vigie, api: OpenAIApi, tmp_path: Path) -> None:
    def run(text: str) -> str:
        command = [sys.executable, "-W", "error", "-c", text]
        return subprocess.run(command, env=environment(vigie, api), check=True, capture_output=True, text=True).stdout

    serving = """
from starlette.testclient import TestClient
with TestClient(app) as client:
    client.get("/customers/alice/orders/42")
"""
    async with activity(vigie) as events:
        assert run(program("docs/sdk.md", "calls.py")) == "True\n"
        chat, response, embedding = await told(events, 3)
        assert [event["subject"] for event in (chat, response, embedding)] == ["alice", "alice", None]
        assert [event["node"]["operation"] for event in (chat, embedding)] == ["chat", "embeddings"]
        assert response["node"]["attributes"] == {"team": "harbour", "feature": "search"}
        run(program("docs/sdk.md", "served.py") + serving)
        (served,) = await told(events, 1)
        assert served["subject"] == "alice"
        assert served["node"] == {"route": "/customers/{customer}/orders/{order_id}", "answered": 200, "cache": "HIT"}
        assert run(program("docs/sdk.md", "anything.py")) == "True 0\n"
        (other,) = await told(events, 1)
        assert other["node"]["tokens"] == {"input": 130_012, "output": 44, "cacheRead": 130_000, "reasoning": 0}
