"""npm's graphql-ws, the reference client of graphql-transport-ws, on a running Vigie."""

import json
import subprocess
from typing import Any

from graphiql.build import node
from tests.clients.programs import FOLDER, packages
from tests.databases import only_sqlite
from tests.running import Vigie


def speak(vigie: Vigie, key: str) -> dict[str, Any]:
    """What protocol.js saw."""
    packages()
    command = [str(node()), str(FOLDER / "protocol.js"), vigie.ws_url, key]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    seen: dict[str, Any] = json.loads(run.stdout)
    return seen


@only_sqlite
def test_everything_runs_over_one_socket(vigie: Vigie) -> None:
    seen = speak(vigie, vigie.admin_key)
    [answer] = seen["query"]["answers"]
    assert answer["data"] == {"apiKeys": {"edges": [{"node": {"name": "VIGIE_ADMIN_KEY"}}]}}
    assert answer["extensions"]["cost"]["requested"] == 17
    [answer] = seen["mutation"]["answers"]
    assert answer["data"] == {"createApiKey": {"apiKey": {"name": "npm"}}}
    for bad, code in (("invalid", "GRAPHQL_VALIDATION_FAILED"), ("syntax", "GRAPHQL_PARSE_FAILED")):
        assert seen[bad]["answers"] == []
        assert [error["extensions"]["code"] for error in seen[bad]["errors"]] == [code]
    assert seen["stream"]["data"]["activity"]["events"] == []
    assert seen["gauge"]["data"]["liveMetrics"] is not None
    assert seen["pings"] >= 2
    assert seen["after"]["answers"][0]["data"]["viewer"]["name"] == "VIGIE_ADMIN_KEY"
    assert seen["closed"] == [[1000, "Normal Closure"]]


@only_sqlite
def test_a_bad_key_is_forbidden(vigie: Vigie) -> None:
    seen = speak(vigie, "nobody")
    assert {tuple(closed) for closed in seen["closed"]} == {(4403, "Forbidden")}
    assert seen["query"]["errors"] == ["Forbidden"]
