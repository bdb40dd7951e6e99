"""What a running Vigie answers to those who ask too much, or try what they may not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.running import Vigie, Vigies

FEW = {"VIGIE_RATE_KEY_COST": "60", "VIGIE_RATE_KEY_EVENTS": "3", "VIGIE_RATE_BAD_KEYS": "3"}
SUSPECTS = """{ suspiciousClients(first: 9) { totalCount edges { node {
  address badKeys unknownPaths forbiddenFields
} } } }"""


@pytest.fixture(scope="module")
def vigie(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vigie]:
    folder = Path(tmp_path_factory.mktemp("rates"))
    with Vigies(folder) as vigies:
        yield vigies.start(VIGIE_DATABASE_URL=f"sqlite:///{folder}/vigie.db", **FEW)


def ask(vigie: Vigie, query: str, *, key: str | None = None, **headers: str) -> httpx2.Response:
    said = {"Authorization": f"Bearer {key or vigie.admin_key}", **headers}
    return httpx2.post(f"{vigie.url}/graphql", json={"query": query}, headers=said)


def made_key(vigie: Vigie, role: str) -> str:
    mutation = f'mutation {{ createApiKey(input: {{name: "{role}", role: {role}}}) {{ secret }} }}'
    return str(ask(vigie, mutation).json()["data"]["createApiKey"]["secret"])


def test_a_client_that_asks_too_much_is_told_when_to_come_again(vigie: Vigie) -> None:
    key = made_key(vigie, "READER")
    first = ask(vigie, "{ viewer { name } }", key=key)
    assert first.headers["ratelimit-policy"] == '"key";q=60;w=60'
    answers = [ask(vigie, "{ viewer { name role project { name } } }", key=key) for _ in range(30)]
    refused = answers[-1]
    assert (answers[0].status_code, refused.status_code) == (200, 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"].startswith('"key";r=0;t=')
    (error,) = refused.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"


def test_events_are_counted_one_by_one(vigie: Vigie) -> None:
    event = {"type": "usage", "provider": "openai", "model": "gpt-4o", "status": "ok"}
    key = {"Authorization": f"Bearer {made_key(vigie, 'INGEST')}"}

    def send(count: int) -> httpx2.Response:
        return httpx2.post(f"{vigie.url}/v1/events", json={"events": [event] * count}, headers=key)

    assert send(4).status_code == 200
    refused = send(1)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert "3 events" in refused.json()["detail"]


def test_bad_keys_slow_down_and_good_ones_of_the_same_address_do_not(vigie: Vigie) -> None:
    attacker = {"X-Forwarded-For": "192.0.2.66"}
    good = made_key(vigie, "READER")
    tries = [ask(vigie, "{ viewer { name } }", key=f"guess-{number}", **attacker) for number in range(5)]
    assert [answer.status_code for answer in tries] == [401, 401, 401, 429, 429]
    assert int(tries[-1].headers["retry-after"]) >= 1
    assert ask(vigie, "{ viewer { name } }", key=good, **attacker).status_code == 200
    door = httpx2.post(f"{vigie.url}/v1/events", json={}, headers={"X-API-Key": "guess", **attacker})
    assert door.status_code == 429
    assert ask(vigie, "{ viewer { name } }", key="guess", **{"X-Forwarded-For": "192.0.2.67"}).status_code == 401


def test_who_tries_what_is_listed(vigie: Vigie) -> None:
    prober = {"X-Forwarded-For": "198.51.100.7"}
    for path in ("/wp-login.php", "/.env"):
        assert httpx2.get(f"{vigie.url}{path}", headers=prober).status_code == 404
    ask(vigie, "{ apiKeys(first: 1) { totalCount } }", key=made_key(vigie, "READER"), **prober)
    found: list[dict[str, Any]] = ask(vigie, SUSPECTS).json()["data"]["suspiciousClients"]["edges"]
    of_prober = [edge["node"] for edge in found if edge["node"]["address"] == "198.51.100.7"]
    assert sum(node["unknownPaths"] for node in of_prober) == 2
    assert sum(node["forbiddenFields"] for node in of_prober) == 1
    assert 'vigie_intrusion_attempts_total{kind="unknown_path"}' in httpx2.get(f"{vigie.url}/metrics").text
