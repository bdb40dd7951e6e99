"""Somebody who sends while others follow, and the keys of both."""

import itertools
import threading
import time
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.running import Vigie


class Sender(threading.Thread):
    """Sends one event after the other, each until it is acknowledged. The model of an event is its number."""

    def __init__(self, vigie: Vigie) -> None:
        super().__init__(daemon=True)
        self._vigie = vigie
        self._over = threading.Event()
        self.sent: list[str] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> list[str]:
        """The numbers of the events that are stored, in the order of their commits."""
        self._over.set()
        self.join()
        return self.sent

    def wait_for(self, count: int) -> None:
        """Waits until so many are stored."""
        while len(self.sent) < count:
            time.sleep(0.05)

    def run(self) -> None:
        with httpx2.Client(base_url=self._vigie.url, headers=self._vigie.headers, timeout=5) as client:
            for number in itertools.count():
                name = f"number-{number:05}"
                while not self._is_stored(client, name):
                    if self._over.wait(0.05):
                        return
                self.sent.append(name)
                if self._over.wait(0.01):
                    return

    def _is_stored(self, client: httpx2.Client, name: str) -> bool:
        event = {"type": "usage", "id": name, "time": "2026-01-15T12:00:00Z", "model": name}
        try:
            return client.post("/v1/events", json={"events": [event]}).status_code == 200
        except httpx2.HTTPError:
            return False


def ask(vigie: Vigie, query: str, **variables: Any) -> Any:
    body = {"query": query, "variables": variables}
    answer = httpx2.post(f"{vigie.url}/graphql", json=body, headers=vigie.headers).json()
    assert "errors" not in answer, answer
    return answer["data"]


def create_key(vigie: Vigie, role: str, **members: Any) -> tuple[str, str]:
    """The id and the text of a new key."""
    mutation = """mutation ($input: CreateApiKeyInput!) {
      createApiKey(input: $input) { apiKey { id } secret userErrors { message } }
    }"""
    created = ask(vigie, mutation, input={"name": "client", "role": role, **members})["createApiKey"]
    return created["apiKey"]["id"], created["secret"]


def revoke_key(vigie: Vigie, key_id: str) -> None:
    """Revokes a key."""
    mutation = """mutation ($input: RevokeApiKeyInput!) {
      revokeApiKey(input: $input) { userErrors { message } }
    }"""
    assert ask(vigie, mutation, input={"id": key_id}) == {"revokeApiKey": {"userErrors": []}}
