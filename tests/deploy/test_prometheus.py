"""promtool and a real Prometheus on the rules and dashboards, at a Vigie that runs."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import yaml

from tests.deploy.files import DASHBOARDS, DEPLOY, RULES
from tests.deploy.queries import Query, dashboard_queries
from tests.running import Vigie
from tests.servers import free_port

pytestmark = pytest.mark.long

PATIENCE = 60.0
FOLDER = DEPLOY / "prometheus"
SCRAPED_EVERY = "500ms"


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"This test needs {name}, which `make test-long` installs on Debian (package prometheus).")
    return found


def promtool(*arguments: str) -> None:
    run = subprocess.run([program("promtool"), *arguments], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_promtool_takes_configuration_and_rules() -> None:
    promtool("check", "config", str(FOLDER / "prometheus.yaml"))
    promtool("check", "rules", "--lint-fatal", *map(str, RULES))


def test_alerts_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    tests = tmp_path / "alerts.yaml"
    template = (Path(__file__).parent / "alerts.test.yaml").read_text()
    tests.write_text(template.replace("RULES", str(FOLDER / "rules" / "*.yaml")))

    promtool("test", "rules", str(tests))


class Prometheus:
    """A running one."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def ask(self, text: str) -> list[Any]:
        """The samples of an instant query. Raises when it cannot be answered."""
        answer = self._client.post("/query", data={"query": text}).json()
        assert answer["status"] == "success", f"{text}: {answer}"
        found: list[Any] = answer["data"]["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        groups = self._client.get("/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self.ask(text):
                    return
            except httpx2.TransportError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(text)
            time.sleep(0.2)


@pytest.fixture(scope="module")
def prometheus(served: Vigie, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus with our configuration, but for the address of Vigie and the pace, after some scrapes."""
    folder = tmp_path_factory.mktemp("prometheus")
    configuration = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    configuration["global"] = {"scrape_interval": SCRAPED_EVERY, "evaluation_interval": SCRAPED_EVERY}
    configuration["rule_files"] = [str(FOLDER / "rules" / "*.yaml")]
    (job, _) = configuration["scrape_configs"]
    job["static_configs"] = [{"targets": [urlsplit(served.url).netloc]}]
    configuration["scrape_configs"] = [job]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=20) as client:
            running = Prometheus(client)
            running.wait_for("count_over_time(vigie_build_info[1m]) > 4")
            yield running
    finally:
        process.kill()
        process.wait()
        print((folder / "log").read_text())


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_is_answered(prometheus: Prometheus, path: Path) -> None:
    queries: list[Query] = list(dashboard_queries(path))

    answered = [query.where for query in queries if prometheus.ask(query.text)]
    assert len(answered) > len(queries) / 3, answered


def test_every_rule_is_evaluated(prometheus: Prometheus) -> None:
    prometheus.wait_for("job:vigie_http_requests:rate5m > 0")
    found = prometheus.rules()

    assert len(found) > 20
    assert {rule["name"]: rule.get("lastError") for rule in found if rule["health"] != "ok"} == {}
    assert [rule["name"] for rule in found if rule["type"] == "alerting" and rule["state"] == "firing"] == []
