"""What kustomize applies: whatever an object refers to is there, and pods are as the process needs them."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.files import DEPLOY, KNOWN_VARIABLES, read_environment
from tests.deploy.kustomize import Object, build
from vigie.app import create_app
from vigie.server import END_SECONDS
from vigie.settings import PREFIX, Settings

FOLDER: Final = DEPLOY / "kubernetes"
SECRETS: Final = FOLDER / "secrets.env.example"
OVERLAYS: Final = sorted(path.name for path in (FOLDER / "overlays").iterdir())
INSIDE: Final = {"/metrics", "/health", "/health/live", "/health/ready", "/health/startup"}
"""Paths that are nothing for strangers."""


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return build(FOLDER / "overlays" / request.param, SECRETS)


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [one for one in objects if one["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = (one for one in of_kind(objects, kind) if one["metadata"]["name"] == name)
    return found


def pods(objects: list[Object]) -> list[tuple[Object, dict[str, str]]]:
    """Each pod's specification, with its labels."""
    templates = [one["spec"]["template"] for one in of_kind(objects, "Deployment", "StatefulSet")]
    return [(template["spec"], template["metadata"]["labels"]) for template in templates]


def chosen(objects: list[Object], selector: dict[str, str]) -> list[Object]:
    return [spec for spec, labels in pods(objects) if selector.items() <= labels.items()]


def port_names(spec: Object) -> set[str]:
    return {port["name"] for container in spec["containers"] for port in container["ports"]}


@pytest.fixture
def server(objects: list[Object]) -> Object:
    spec: Object = named(objects, "Deployment", "vigie")["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(server: Object) -> Object:
    (found,) = server["containers"]
    return dict(found)


def test_names_are_there_once(objects: list[Object]) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]

    assert len(set(names)) == len(names)
    assert len({one["metadata"].get("namespace") for one in objects if one["kind"] != "Namespace"}) == 1


def test_every_selector_chooses_pods(objects: list[Object]) -> None:
    for one in of_kind(objects, "Deployment", "StatefulSet", "PodDisruptionBudget"):
        assert len(chosen(objects, one["spec"]["selector"]["matchLabels"])) == 1, one["metadata"]
    for policy in of_kind(objects, "NetworkPolicy"):
        (spec,) = chosen(objects, policy["spec"]["podSelector"]["matchLabels"])
        assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} <= port_names(spec)
    for service in of_kind(objects, "Service"):
        (spec,) = chosen(objects, service["spec"]["selector"])
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= port_names(spec)
    for monitor in of_kind(objects, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = (one for one in of_kind(objects, "Service") if wanted <= one["metadata"]["labels"].items())
        ports = {port["name"] for port in service["spec"]["ports"]}
        assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= ports


def test_autoscaler_and_ingress_lead_somewhere(objects: list[Object]) -> None:
    (autoscaler,) = of_kind(objects, "HorizontalPodAutoscaler")
    (ingress,) = of_kind(objects, "Ingress")
    target = autoscaler["spec"]["scaleTargetRef"]

    assert named(objects, target["kind"], target["name"])
    for path in (path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]):
        wanted = path["backend"]["service"]
        service = named(objects, "Service", wanted["name"])
        assert wanted["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}


def test_pods_refer_to_what_there_is(objects: list[Object]) -> None:
    claimed = {"data"}  # by the StatefulSet
    for spec, _ in pods(objects):
        volumes = {volume["name"] for volume in spec.get("volumes", ())} | claimed
        (one,) = spec["containers"]
        assert {mount["name"] for mount in one["volumeMounts"]} <= volumes
        for source in one.get("envFrom", ()):
            ((reference, wanted),) = source.items()
            assert named(objects, {"configMapRef": "ConfigMap", "secretRef": "Secret"}[reference], wanted["name"])
        keys = [variable["valueFrom"]["secretKeyRef"] for variable in one.get("env", ()) if "valueFrom" in variable]
        assert all(key["key"] in named(objects, "Secret", key["name"])["data"] for key in keys)


def test_what_vigie_is_told_are_settings_of_its(objects: list[Object], container: Object) -> None:
    public = named(objects, "ConfigMap", "vigie")["data"]
    secret = named(objects, "Secret", "vigie")["data"]

    assert set(public) <= KNOWN_VARIABLES
    assert {name for name in secret if name.startswith(PREFIX)} <= KNOWN_VARIABLES
    assert not set(public) & set(secret)
    values = {name.removeprefix(PREFIX).lower(): value for name, value in public.items()}
    assert Settings.model_validate(values).drain_seconds == 8
    assert {"VIGIE_DATABASE_URL", "VIGIE_REDIS_URL", "VIGIE_ENCRYPTION_KEY"} <= set(secret)


def test_no_secret_is_in_the_checkout() -> None:
    example = read_environment(SECRETS)

    assert [name for name, value in example.items() if not value] == ["VIGIE_ADMIN_KEY", "VIGIE_ENCRYPTION_KEY"]
    assert all("PASSWORD" in value for value in example.values() if value)


def test_probes_ask_what_answers_them(container: Object) -> None:
    probes = {
        kind: (probe["httpGet"]["path"], probe["failureThreshold"], probe["periodSeconds"])
        for kind, probe in container.items()
        if kind.endswith("Probe")
    }

    assert probes == {
        "startupProbe": ("/health/startup", 30, 5),
        "livenessProbe": ("/health/live", 3, 30),
        "readinessProbe": ("/health/ready", 3, 10),
    }
    assert {container[kind]["httpGet"]["port"] for kind in probes} == {"http"}


def test_a_pod_has_time_to_end_and_a_name_that_does_it_no_harm(server: Object) -> None:
    assert server["terminationGracePeriodSeconds"] > END_SECONDS
    # A Service `vigie` makes Kubernetes set VIGIE_PORT to an address.
    assert server["enableServiceLinks"] is False


def test_a_pod_may_do_nothing_it_need_not(objects: list[Object]) -> None:
    for spec, _ in pods(objects):
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for one in spec["containers"]:
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert set(one["resources"]) == {"requests", "limits"}


def test_its_image_has_a_version(objects: list[Object]) -> None:
    images = {one["image"] for spec, _ in pods(objects) for one in spec["containers"]} - {"vigie"}

    assert all(":" in image for image in images)


def test_a_replica_can_be_taken_away(objects: list[Object]) -> None:
    (budget,) = of_kind(objects, "PodDisruptionBudget")
    (autoscaler,) = of_kind(objects, "HorizontalPodAutoscaler")
    strategy = named(objects, "Deployment", "vigie")["spec"]["strategy"]["rollingUpdate"]

    assert autoscaler["spec"]["minReplicas"] > budget["spec"]["maxUnavailable"] == 1
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}


def test_the_ingress_leads_to_everything_but_what_is_for_those_inside(objects: list[Object], tmp_path: Path) -> None:
    routes: list[Any] = create_app(Settings(data_dir=tmp_path)).routes
    (ingress,) = of_kind(objects, "Ingress")
    (rule,) = ingress["spec"]["rules"]
    exact = {path["path"] for path in rule["http"]["paths"] if path["pathType"] == "Exact"}
    prefixes = tuple(path["path"] for path in rule["http"]["paths"] if path["pathType"] == "Prefix")

    outside = {route.path for route in routes if route.path in exact or route.path.startswith(prefixes)}
    assert {route.path for route in routes} - outside == INSIDE
    assert all(prefix.endswith("/") for prefix in prefixes)


def test_every_file_is_applied() -> None:
    for folder in (FOLDER / "base", *(FOLDER / "overlays" / name for name in OVERLAYS)):
        text = (folder / "kustomization.yaml").read_text()
        files = {path.name for path in folder.iterdir()} - {"kustomization.yaml", "secrets.env"}
        assert [name for name in files if name not in text] == []
