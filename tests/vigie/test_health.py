"""Health over HTTP: the contract's documents, what is refused, what is told, and what is never shown."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.architecture.sources import ROOT
from tests.running import Vigie, Vigies

DOCUMENT = (ROOT / "tests" / "contract" / "health.graphql").read_text()
SECRET, BODY = "s3cret-of-a-check", "body-of-a-check"
PATIENCE = 30


@contextmanager
def answering() -> Iterator[tuple[str, dict[str, Any]]]:
    """A server on 127.0.0.1, its address, and how it answers: `status`; `headers` are those of the last request."""
    told: dict[str, Any] = {"status": 200, "headers": {}, "body": ""}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told["headers"] = dict(self.headers)
            told["body"] = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self.send_response(told["status"])
            self.end_headers()
            self.wfile.write(b'{"ok": true}')

        do_GET = do_POST  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/health", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(vigie: Vigie, operation: str | None, document: str = DOCUMENT, **variables: Any) -> Any:
    """The only field of an operation."""
    body = json.dumps({"query": document, "operationName": operation, "variables": variables}).encode()
    request = urllib.request.Request(
        f"{vigie.url}/graphql", body, {"Content-Type": "application/json", **vigie.headers}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        answer = json.loads(response.read())
    assert "errors" not in answer, answer
    (field,) = answer["data"].values()
    return field


def save(vigie: Vigie, **given: Any) -> Any:
    saved = ask(vigie, "SaveHealthCheck", input=given)
    assert saved["userErrors"] == [], saved
    return saved["healthCheck"]


def status_of(vigie: Vigie, name: str) -> str:
    component = ask(vigie, None, "query($n: String!) { component(name: $n) { status } }", n=name)
    return str(component["status"])


def wait(vigie: Vigie, name: str, status: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while (found := status_of(vigie, name)) != status:
        assert time.monotonic() < deadline, f"{name} is {found}"
        time.sleep(0.1)


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, Any, dict[str, str]]:
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {}


@pytest.fixture
def vigie(vigies: Vigies, database_url: str) -> Vigie:
    return vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_ALLOWED_NETWORKS="127.0.0.0/8")


def test_a_check_goes_down_and_up_again_and_everybody_hears(vigie: Vigie) -> None:
    with answering() as (url, told):
        check = save(
            vigie,
            name="shop",
            url=url,
            every="PT1S",
            timeout="PT2S",
            conditions=["[STATUS] == 200", "[BODY].ok == true"],
            failuresBeforeDown=2,
            successesBeforeHealthy=1,
            critical=True,
            dependsOn="database",
        )
        assert (check["every"], check["timeout"], check["dependsOn"]) == ("PT1S", "PT2S", "database")
        wait(vigie, "shop", "HEALTHY")
        told["status"] = 503
        wait(vigie, "shop", "DOWN")
        assert ask(vigie, "Health")["status"] == "DOWN"
        run = ask(vigie, "RunHealthCheck", input={"id": check["id"]})["result"]
        assert (run["status"], run["statusCode"], run["message"]) == ("DOWN", 503, "[STATUS] == 200: it is 503")
        told["status"] = 200
        wait(vigie, "shop", "HEALTHY")

    history = ask(vigie, "ComponentHistory", name="shop", period={"last": "PT1H"}, first=10)
    [outage] = [edge["node"] for edge in history["outages"]["edges"]]
    assert outage["endedAt"] is not None
    assert outage["message"] == "[STATUS] == 200: it is 503"
    measured = [point for point in history["latency"] if point["meanMs"] is not None]
    assert measured
    assert all(0 < point["uptime"] < 1 for point in measured)

    feed = ask(
        vigie,
        None,
        "{ activities(kinds: [HEALTH], first: 50) { edges { node { title severity "
        "node { __typename id ... on Component { name } } } } } }",
    )
    shop = [edge["node"] for edge in feed["edges"] if edge["node"]["node"]["name"] == "shop"]
    assert [fact["severity"] for fact in shop] == [None, "CRITICAL", None]
    deleted = ask(vigie, "DeleteHealthCheck", input={"id": check["id"]})
    assert deleted == {"deletedId": check["id"], "userErrors": []}
    assert ask(vigie, "HealthChecks", first=10)["edges"] == []


def test_no_secret_of_a_check_is_shown_logged_or_stored_in_clear(
    vigie: Vigie, database_url: str, tmp_path: Path
) -> None:
    show = "{ healthChecks(first: 9) { edges { node { headers hasBody } } } }"
    with answering() as (url, told):
        check = save(vigie, name="shop", url=url, method="POST", headers={"X-Token": SECRET, "X-Team": "a"}, body=BODY)
        ask(vigie, "RunHealthCheck", input={"id": check["id"]})
        assert (told["headers"]["X-Token"], told["body"]) == (SECRET, BODY)
        save(vigie, id=check["id"], name="shop", url=url, headers={"X-Token": "***"})
        told["headers"], told["body"] = {}, ""
        ask(vigie, "RunHealthCheck", input={"id": check["id"]})
        assert (told["headers"]["X-Token"], told["headers"].get("X-Team"), told["body"]) == (SECRET, None, BODY)
    [edge] = ask(vigie, None, show)["edges"]
    assert edge["node"] == {"headers": {"X-Token": "***"}, "hasBody": True}

    shown = vigie.log.encode() + fetch(f"{vigie.url}/metrics")[1] + json.dumps(ask(vigie, "Health")).encode()
    stored = stored_bytes(database_url)
    for secret in (SECRET, BODY):
        assert secret.encode() not in shown
        assert secret.encode() not in stored
    assert b"shop" in stored


def stored_bytes(database_url: str) -> bytes:
    """Everything the database holds, as its files or as a dump."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        file = Path(str(url.database))
        return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*") if path.is_file())
    import asyncio

    import asyncpg

    async def read() -> bytes:
        connection = await asyncpg.connect(database_url)
        try:
            texts = []
            for table in ("health_checks", "components", "audit_entries", "activities"):
                rows = await connection.fetch(f"SELECT t::text, encode(t::text::bytea, 'escape') FROM {table} t")
                texts += [str(tuple(row)) for row in rows]
            sealed = await connection.fetch("SELECT sealed FROM health_checks")
            return "".join(texts).encode() + b"".join(row["sealed"] or b"" for row in sealed)
        finally:
            await connection.close()

    return asyncio.run(read())


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"url": "ftp://example.com/"}, "url"),
    ({"url": "http://"}, "url"),
    ({"url": "https://user:pw@example.com/"}, "url"),
    ({"url": "http://10.0.0.1/"}, "url"),
    ({"url": "http://169.254.169.254/latest/meta-data"}, "url"),
    ({"url": "http://[::]/"}, "url"),
    ({"method": "TRACE"}, "method"),
    ({"headers": ["a"]}, "headers"),
    ({"headers": {"X": "a\r\nY: b"}}, "headers"),
    ({"headers": {"Content-Length": "1"}}, "headers"),
    ({"headers": {"X": "***"}}, "headers"),
    ({"conditions": ["[STATUS] == 200", "nonsense"]}, "conditions.1"),
    ({"every": "PT0.5S"}, "every"),
    ({"timeout": "PT2M"}, "timeout"),
    ({"failuresBeforeDown": 0}, "failuresBeforeDown"),
    ({"dependsOn": "nobody"}, "dependsOn"),
    ({"name": "database"}, "name"),
    ({"name": " "}, "name"),
]


def test_what_a_check_cannot_be_is_refused(vigie: Vigie) -> None:
    for given, field in REFUSED:
        refused = ask(vigie, "SaveHealthCheck", input={"name": "x", "url": "http://127.0.0.1/", **given})
        assert refused["healthCheck"] is None, given
        assert [error["field"] for error in refused["userErrors"]] == [field], given


def test_dependencies_make_no_circle_and_are_not_left_behind(vigie: Vigie) -> None:
    url = "http://127.0.0.1:9/"
    parent = save(vigie, name="parent", url=url)
    child = save(vigie, name="child", url=url, dependsOn="parent")
    for given in ({"id": parent["id"], "name": "parent"}, {"id": child["id"], "name": "child"}):
        circle = ask(vigie, "SaveHealthCheck", input={**given, "url": url, "dependsOn": "child"})
        assert [error["field"] for error in circle["userErrors"]] == ["dependsOn"]
    kept = ask(vigie, "DeleteHealthCheck", input={"id": parent["id"]})
    assert [error["message"] for error in kept["userErrors"]] == ["Others depend on it (`child`): change these first."]
    renamed = save(vigie, id=parent["id"], name="renamed", url=url, enabled=False)
    assert (renamed["every"], renamed["enabled"]) == ("PT5M", False)
    [_, edge] = ask(vigie, "HealthChecks", first=2)["edges"]
    assert edge["node"]["dependsOn"] == "renamed"
    assert "renamed" not in {component["name"] for component in ask(vigie, "Health")["components"]}
    missing = ask(vigie, "RunHealthCheck", input={"id": "SGVhbHRoQ2hlY2s6MTo5OQ"})
    assert [error["code"] for error in missing["userErrors"]] == ["NOT_FOUND"]


SAVE_HEARTBEAT = """mutation($input: SaveHeartbeatInput!) { saveHeartbeat(input: $input) {
    heartbeat { id name every grace beatenAt component { status message latencyMs } } token userErrors { field message }
} }"""


def test_a_job_sends_signs_of_life(vigie: Vigie) -> None:
    made = ask(vigie, None, SAVE_HEARTBEAT, input={"name": "backup", "every": "PT2S", "grace": "PT1S"})
    token = made["token"]
    assert (made["heartbeat"]["grace"], made["heartbeat"]["component"]["status"]) == ("PT1S", "UNKNOWN")

    assert fetch(f"{vigie.url}/push/{token}", "POST")[:2] == (200, b'{"ok":true}')
    assert status_of(vigie, "backup") == "HEALTHY"
    wait(vigie, "backup", "DOWN")
    failed = f"{vigie.url}/push/{token}?status=down&message=disk+full&durationMs=12.5"
    assert fetch(failed, "POST")[0] == 200
    again = ask(vigie, None, SAVE_HEARTBEAT, input={"id": made["heartbeat"]["id"], "name": "backup", "newToken": True})
    assert again["heartbeat"]["component"] == {"status": "DOWN", "message": "disk full", "latencyMs": 12.5}

    assert fetch(f"{vigie.url}/push/{token}", "POST")[0] == 404
    assert fetch(f"{vigie.url}/push/{again['token']}", "POST")[0] == 200
    assert fetch(f"{vigie.url}/push/{again['token']}")[0] == 405
    assert fetch(f"{vigie.url}/push/{again['token']}?status=odd", "POST")[0] == 400
    assert fetch(f"{vigie.url}/push/{'x' * 5000}", "POST")[0] == 404
    assert token not in vigie.log
    assert again["token"] not in vigie.log


PUBLISH = (
    """mutation($on: Boolean!) { publishStatus(input: {published: $on}) { published path userErrors { message } } }"""
)


def test_a_status_document_shows_names_and_figures_only(vigie: Vigie) -> None:
    save(vigie, name="shop", url="http://127.0.0.1:9/secret-path", failuresBeforeDown=1)
    wait(vigie, "shop", "DOWN")
    address = f"{vigie.url}/status/default.json"
    assert fetch(f"{vigie.url}/status/vigie.json")[0] == fetch(address)[0] == 404
    assert ask(vigie, None, PUBLISH, on=True)["path"] == "/status/default.json"

    status, body, headers = fetch(address)
    document = json.loads(body)
    assert status == 200
    assert (document["project"], document["status"]) == ("default", "healthy")
    assert {one["name"]: one["status"] for one in document["components"]}["shop"] == "down"
    assert [outage["component"] for outage in document["outages"]] == ["shop"]
    assert not [told for told in (b"127.0.0.1", b"secret-path", b"refused") if told in body]
    assert (headers["cache-control"], headers["access-control-allow-origin"]) == ("public, max-age=2", "*")
    assert fetch(address, **{"If-None-Match": headers["etag"]})[0] == 304
    for wrong in ("/status/nobody.json", "/status/vigie.json", "/status/%00.json", f"/status/{'x' * 999}.json"):
        assert fetch(f"{vigie.url}{wrong}")[0] == 404
    assert ask(vigie, None, PUBLISH, on=False)["published"] is False
    assert ask(vigie, None, "{ health { published } }") == {"published": False}


def test_probes_answer_while_it_serves(vigie: Vigie) -> None:
    for path in ("/health", "/health/live", "/health/ready", "/health/startup"):
        assert fetch(f"{vigie.url}{path}")[0] == 200
