"""What docs/clients.md promises: its programs come back by themselves, and miss and repeat nothing."""

import itertools
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.clients.programs import Program, programs
from tests.running import Vigie, Vigies

FOLLOWERS = ["with-graphql-ws.js", "with-graphql-sse.js", "with-apollo.js", "with-urql.js", "with_gql.py"]


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


def create_key(vigie: Vigie, role: str) -> tuple[str, str]:
    """The id and the text of a new key."""
    mutation = """mutation ($input: CreateApiKeyInput!) {
      createApiKey(input: $input) { apiKey { id } secret userErrors { message } }
    }"""
    created = ask(vigie, mutation, input={"name": "client", "role": role})["createApiKey"]
    return created["apiKey"]["id"], created["secret"]


def test_every_program_of_the_document_is_run() -> None:
    assert set(programs()) == {"resuming.js", "live.js", *FOLLOWERS}


@contextmanager
def following(vigie: Vigie, folder: Path, *, key: str) -> Iterator[list[Program]]:
    """All of them at once, each a process of its own."""
    with ExitStack() as running:
        yield [running.enter_context(Program(name, vigie, folder / name, key=key)) for name in FOLLOWERS]


def test_they_go_on_after_a_restart_and_a_crash(vigies: Vigies, tmp_path: Path) -> None:
    vigie = vigies.start()
    with following(vigie, tmp_path, key=vigie.admin_key) as running, Sender(vigie) as sender:
        for program in running:
            program.wait_for("number-")
        for end in (vigie.terminate, vigie.kill):
            time.sleep(0.5)
            end()
            vigie.start()
            seen = len(sender.sent)
            sender.wait_for(seen + 20)
            for program in running:
                program.wait_for(sender.sent[seen])
        stored = sender.stop()
        for program in running:
            program.wait_for(stored[-1])
            told = [line.split(" ")[0] for line in program.lines]
            assert told == stored[stored.index(told[0]) :], program.name


def test_they_end_with_their_key(vigies: Vigies, tmp_path: Path) -> None:
    vigie = vigies.start()
    key_id, secret = create_key(vigie, "READER")
    with following(vigie, tmp_path, key=secret) as running:
        with Sender(vigie):
            for program in running:
                program.wait_for("number-")
        revoke = "mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { userErrors { message } } }"
        ask(vigie, revoke, input={"id": key_id})
        for program in running:
            program.wait()
            assert re.search("4403|UNAUTHENTICATED|Forbidden|revoked", program.output), program.name


def test_they_do_not_insist_on_what_their_key_may_not_do(vigies: Vigies, tmp_path: Path) -> None:
    vigie = vigies.start()
    _, secret = create_key(vigie, "INGEST")
    with following(vigie, tmp_path, key=secret) as running:
        for program in running:
            program.wait()
            assert "needs a key with role" in program.output, program.name
