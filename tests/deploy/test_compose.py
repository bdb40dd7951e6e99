"""The compose file, nginx's configuration and the secrets: whatever they refer to is there."""

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.files import DEPLOY, KNOWN_VARIABLES, read_environment, read_yaml
from vigie.server import END_SECONDS, KEEP_ALIVE_SECONDS
from vigie.settings import PREFIX, Settings

COMPOSE: Final = DEPLOY / "compose"
NGINX: Final = COMPOSE / "nginx.conf"
VARIABLE: Final = re.compile(r"(?<!\$)\$\{(\w+)(:[?-][^}]*)?\}")
PUBLISHED: Final = {"nginx", "grafana"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(COMPOSE / "compose.yaml")
    return found


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_every_service_names_what_there_is(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert set(service["networks"]) <= set(compose["networks"]), name
        for other, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}, name
            assert other in services
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            there = (COMPOSE / source).exists() if source.startswith(".") else source in compose["volumes"]
            assert there, f"{name}: {source}"


def test_every_service_is_looked_after_and_confined(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        checked_in_image = "build" in service
        assert checked_in_image or "test" in service["healthcheck"], name
        assert service["restart"] == "unless-stopped"
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "build" in service or re.search(r":v?\d+\.\d+", service["image"]), f"{name}: a moving image"
        assert ("ports" in service) == (name in PUBLISHED)
        for port in service.get("ports", ()):
            assert ":-127.0.0.1:" in port, f"{name} is open to every address"


def test_two_replicas_share_one_database_and_one_redis(compose: dict[str, Any]) -> None:
    one, two = (compose["services"][name] for name in ("vigie-1", "vigie-2"))

    assert one == two
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert seconds(one["stop_grace_period"]) > END_SECONDS
    assert set(one["environment"]) <= KNOWN_VARIABLES


def test_every_secret_has_a_place_in_the_example(compose: dict[str, Any]) -> None:
    text = (COMPOSE / "compose.yaml").read_text()
    required = {name for name, rest in VARIABLE.findall(text) if rest.startswith(":?")}
    optional = {name for name, rest in VARIABLE.findall(text) if not rest.startswith(":?")}

    example = read_environment(COMPOSE / ".env.example")
    assert set(example) == required
    assert set(example.values()) == {""}
    assert optional == set(re.findall(r"^# ([A-Z_]+)=", (COMPOSE / ".env.example").read_text(), re.MULTILINE))


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    for name in ("secrets.sh", ".env.example"):
        shutil.copy(COMPOSE / name, tmp_path)
    for _ in range(2):
        run = ["sh", str(tmp_path / "secrets.sh")]
        said = subprocess.run(run, check=True, capture_output=True, text=True).stdout
        made = (tmp_path / ".env").read_text()
        assert ("kept" in said) != (read_environment(tmp_path / ".env")["VIGIE_ADMIN_KEY"] in said)

    assert (tmp_path / ".env").read_text() == made
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    secrets = read_environment(tmp_path / ".env")
    assert len(set(secrets.values())) == len(secrets)
    Settings.model_validate({name: secrets[f"{PREFIX}{name}".upper()] for name in ("admin_key", "encryption_key")})


def test_prometheus_asks_both_replicas(compose: dict[str, Any]) -> None:
    jobs = read_yaml(DEPLOY / "prometheus" / "prometheus.yaml")["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}

    assert targets["vigie"] == [f"{name}:8000" for name in compose["services"] if name.startswith("vigie-")]
    for name in ("vigie-1", "grafana"):
        assert "watch" in compose["services"][name]["networks"]


def test_grafana_finds_source_and_dashboards(compose: dict[str, Any]) -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (provider,) = read_yaml(provisioning / "dashboards" / "vigie.yaml")["providers"]
    (source,) = read_yaml(provisioning / "datasources" / "prometheus.yaml")["datasources"]
    mounted = {volume.split(":")[1] for volume in compose["services"]["grafana"]["volumes"]}
    home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert provider["options"]["path"] in mounted
    assert (DEPLOY / "grafana" / "dashboards" / Path(home).name).exists()
    assert source["url"] == "http://prometheus:9090"


def test_nginx_carries_streams_and_tells_who_asks(compose: dict[str, Any]) -> None:
    text = NGINX.read_text()
    directives = dict(re.findall(r"^\s*((?:proxy_set_header )?[\w-]+) +([^{};]+);", text, re.MULTILINE))

    assert re.findall(r"server (vigie-\d:8000) resolve", text) == [
        f"{name}:8000" for name in compose["services"] if name.startswith("vigie-")
    ]
    assert directives["proxy_http_version"] == "1.1"
    assert directives["proxy_set_header Upgrade"] == "$http_upgrade"
    assert directives["proxy_set_header Connection"] == "$connection_upgrade"
    assert directives["proxy_set_header X-Forwarded-For"] == "$remote_addr"
    assert directives["proxy_set_header X-Forwarded-Proto"] == "$scheme"
    assert seconds(directives["proxy_read_timeout"]) > 60
    upstream = re.search(r"keepalive \d+;\s+keepalive_timeout (\d+)s;", text)
    assert upstream is not None
    assert int(upstream[1]) < KEEP_ALIVE_SECONDS
    assert "proxy_buffering" not in directives
    assert re.search(r"location = /metrics \{\s+return 404;", text)
