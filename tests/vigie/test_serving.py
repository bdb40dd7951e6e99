"""The whole process: it starts, answers, is found by others, and ends in order."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.databases import only_postgresql, only_sqlite
from tests.running import Vigie, Vigies
from tests.servers import free_port

TIME = "2026-01-15T12:00:00Z"


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.text = status, headers, body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def ask(url: str, body: Any = None, **headers: str) -> Answer:
    data = None if body is None else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=30) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def send(vigie: Vigie, *ids: str) -> Answer:
    events = [{"type": "usage", "id": name, "time": TIME, "model": "gpt-4"} for name in ids]
    return ask(f"{vigie.url}/v1/events", {"events": events}, **vigie.headers)


def serve(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A `vigie serve` that is expected to end by itself."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
    return subprocess.run(
        [sys.executable, "-m", "vigie.cli", "serve"],
        env={**environment, "VIGIE_PORT": str(free_port()), "VIGIE_DATA_DIR": str(folder / "data"), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@only_sqlite
def test_every_place_answers(vigie: Vigie) -> None:
    assert ask(f"{vigie.url}/").headers["location"] == "/graphql"
    assert ask(f"{vigie.url}/health/live").json == {"status": "alive"}
    assert ask(f"{vigie.url}/health/ready").json == {"status": "ready", "reasons": []}
    viewer = ask(f"{vigie.url}/graphql", {"query": "{ viewer { name role project { name } } }"}, **vigie.headers)
    assert viewer.json["data"] == {
        "viewer": {"name": "VIGIE_ADMIN_KEY", "role": "ADMIN", "project": {"name": "default"}}
    }
    missing = ask(f"{vigie.url}/graphq")
    assert (missing.status, missing.headers["content-type"]) == (404, "application/problem+json")
    assert "/graphql" in missing.json["detail"]
    wrong = ask(f"{vigie.url}/health/live", {})
    assert (wrong.status, wrong.headers["content-type"]) == (405, "application/problem+json")
    assert wrong.headers["allow"]


@only_sqlite
def test_pages_of_other_origins_may_ask_when_they_are_allowed(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_ALLOWED_ORIGINS="https://app.example")
    for origin, allowed in (("https://app.example", "https://app.example"), ("https://evil.example", None)):
        answer = ask(f"{vigie.url}/graphql", {"query": "{ viewer { name } }"}, Origin=origin, **vigie.headers)
        assert answer.headers["access-control-allow-origin"] == allowed


def test_what_it_keeps_is_its_users_alone(vigies: Vigies) -> None:
    vigie = vigies.start()
    assert Path(vigie._environment["VIGIE_DATA_DIR"]).stat().st_mode & 0o077 == 0


@only_sqlite
def test_figures_are_exposed_for_prometheus(vigie: Vigie) -> None:
    send(vigie, "a")
    ask(f"{vigie.url}/made/up")
    families = {family.name: family for family in text_string_to_metric_families(ask(f"{vigie.url}/metrics").text)}
    assert families["vigie_build_info"].samples[0].labels["version"] == "0.1.0"
    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families["vigie_http_requests"].samples
        if sample.name.endswith("_total")
    }
    assert counted["/v1/events", "200"] == 1
    assert counted["(other)", "404"] == 1
    for name in ("vigie_writer_queued_events", "vigie_websocket_sockets", "vigie_auth_refused", "vigie_job_runs"):
        assert name in families


@only_sqlite
def test_every_line_of_the_log_is_json_with_the_id_of_its_request(vigie: Vigie) -> None:
    ask(f"{vigie.url}/graphql", {"query": "{ viewer { name } }"}, X_Request_ID="find-me", **vigie.headers)
    assert vigie.terminate() == 0
    lines = [json.loads(line) for line in vigie.log.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("request_id") == "find-me"]
    assert (line["path"], line["status"], line["project"]) == ("/graphql", 200, "default")
    assert vigie.admin_key not in vigie.log
    assert "Traceback" not in vigie.log


def test_the_first_start_shows_a_key_once(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_ADMIN_KEY="")
    (key,) = {word for word in vigie.log.split() if word.startswith("vigie_")}
    assert ask(f"{vigie.url}/graphql", {"query": "{ viewer { role } }"}, X_API_Key=key).json["data"] == {
        "viewer": {"role": "ADMIN"}
    }
    before = vigie.log
    vigie.restart()
    later = vigie.log.removeprefix(before)
    assert key not in later
    assert "keys create --role admin" in later


@only_sqlite
def test_a_key_that_the_command_line_revokes_ends_in_a_running_vigie(vigie: Vigie) -> None:
    def command(*arguments: str) -> str:
        run = [sys.executable, "-m", "vigie.cli", *arguments]
        return subprocess.run(run, env=vigie._environment, capture_output=True, text=True, check=True).stdout

    key = command("keys", "create", "--role", "reader").strip()

    def status() -> int:
        return ask(f"{vigie.url}/graphql", {"query": "{ viewer { role } }"}, X_API_Key=key).status

    assert status() == 200
    command("keys", "revoke", "2")
    time.sleep(2.1)
    assert status() == 401


@only_sqlite
def test_one_database_file_has_one_server(vigie: Vigie, database_url: str, tmp_path: Path) -> None:
    refused = serve(tmp_path, VIGIE_DATABASE_URL=database_url)
    assert refused.returncode == 1
    assert f"process {vigie.pid}" in refused.stderr
    assert "VIGIE_DATA_DIR" in refused.stderr
    vigie.kill()
    vigie.restart()


@only_postgresql
def test_a_postgresql_has_as_many_servers_as_one_likes(vigies: Vigies, database_url: str) -> None:
    both = [vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_ADMIN_KEY="k" * 32) for _ in range(2)]
    assert [send(vigie, "same").json["accepted"] for vigie in both] == [1, 0]


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = serve(tmp_path, VIGIE_PORT=str(taken.getsockname()[1]))
    assert refused.returncode == 1
    assert "VIGIE_PORT=" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"VIGIE_PORT": "eighty"}, 2, "VIGIE_PORT"),
        ({"VIGIE_ADMIN_KEY": "short"}, 2, "at least 32"),
        ({"VIGIE_HOST": "no.such.host.invalid"}, 1, "VIGIE_HOST"),
        ({"VIGIE_HOST": "é..é"}, 1, "VIGIE_HOST"),
        ({"VIGIE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}, 1, "vigie doctor"),
    ],
)
def test_a_start_that_fails_ends_in_a_sentence(tmp_path: Path, settings: dict[str, str], code: int, said: str) -> None:
    ended = serve(tmp_path, **settings)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_was_acknowledged_survives_a_kill(vigie: Vigie) -> None:
    acknowledged: list[str] = []
    for round_ in range(3):
        with ThreadPoolExecutor(4) as senders:
            ids = [f"{round_}-{number}" for number in range(200)]
            answers = {name: senders.submit(send, vigie, name) for name in ids}
            time.sleep(0.3)
            vigie.kill()
        acknowledged += [name for name, answer in answers.items() if not answer.exception()]
        vigie.restart()
    assert acknowledged
    again = send(vigie, *acknowledged).json
    assert (again["accepted"], again["duplicates"]) == (0, len(acknowledged))


def test_it_drains_before_it_ends(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_DRAIN_SECONDS="1.5")
    os.kill(vigie.pid, signal.SIGTERM)
    time.sleep(0.4)
    ready = ask(f"{vigie.url}/health/ready")
    assert (ready.status, ready.json["reasons"]) == (503, ["shutting down"])
    late = send(vigie, "late")
    assert (late.status, late.headers["connection"]) == (200, "close")
    assert vigie.terminate() == 0
    assert "Traceback" not in vigie.log


def test_under_load_it_ends_without_losing_a_request(vigies: Vigies, database_url: str) -> None:
    vigie = vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_DRAIN_SECONDS="1.5")
    answered: list[str] = []
    turned_away = Event()

    def proxy() -> None:
        """Asks for readiness, as a proxy does, and turns traffic away when there is none."""
        while ask(f"{vigie.url}/health/ready").status == 200:
            time.sleep(0.1)
        turned_away.set()

    def load(worker: int) -> None:
        number = 0
        while not turned_away.is_set():
            number += 1
            assert send(vigie, f"{worker}-{number}").status == 200
            answered.append(f"{worker}-{number}")

    with ThreadPoolExecutor(9) as senders:
        work = [senders.submit(proxy), *(senders.submit(load, worker) for worker in range(8))]
        time.sleep(1)
        began = time.monotonic()
        assert vigie.terminate() == 0
        seconds = time.monotonic() - began
    for done in work:
        done.result()
    assert 1.5 < seconds < 20
    vigie.start()
    assert send(vigie, *answered[-1000:]).json["accepted"] == 0
