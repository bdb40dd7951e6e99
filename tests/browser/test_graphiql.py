import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graphiql.build import build, install, node
from tests.running import Vigie, Vigies

FOLDER = Path(__file__).parent


def use_graphiql(vigie: Vigie, screenshots: Path) -> dict[str, Any]:
    """What graphiql.js saw in headless Chromium; its pictures are in `screenshots`."""
    install(FOLDER)
    unpacked = FOLDER / "node_modules" / ".tmp"  # 200 MB of Chromium, kept for the next run
    unpacked.mkdir(exist_ok=True)
    command = [str(node()), str(FOLDER / "graphiql.js"), vigie.url, vigie.admin_key, str(screenshots)]
    environment = {**os.environ, "TMPDIR": str(unpacked)}
    result = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=180)
    assert result.returncode == 0, f"{result.stderr}\n{result.stdout}\nScreenshots: {screenshots}"
    seen: dict[str, Any] = json.loads(result.stdout)
    return seen


def test_graphiql_works_in_a_browser_from_vigie_alone(vigies: Vigies, tmp_path: Path) -> None:
    build()
    vigie = vigies.start()
    seen = use_graphiql(vigie, tmp_path)

    assert {urlsplit(request).netloc for request in seen["requests"]} == {urlsplit(vigie.url).netloc}
    assert any(request.startswith("ws://") for request in seen["requests"])
    assert seen["complaints"] == []
    assert set(seen["failures"]) <= {f"401 {vigie.url}/graphql"}

    assert "admin key was printed" in seen["hint"]
    assert seen["refusal"] not in ("", seen["hint"])
    assert "admin of project" in seen["viewer"]
    assert seen["viewerAfterReload"] == seen["viewer"]
    assert seen["hintAfterForgetting"] == seen["hint"]

    assert json.loads(seen["answer"])["data"]["viewer"]["role"] == "ADMIN"
    assert json.loads(seen["lastWeek"])["data"]["metrics"]["usage"]["totals"]["requests"] == 0
    assert "query: Query" in seen["documentation"]
    assert json.loads(seen["firstFrame"])["data"]["activity"]["events"] == []
    (event,) = json.loads(seen["liveFrame"])["data"]["activity"]["events"]
    assert event["kind"] == "USAGE"
