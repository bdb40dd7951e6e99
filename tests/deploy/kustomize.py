"""As much of kustomize as the folders under `deploy/kubernetes` need: what is applied for an overlay, object by object.

It reads files as kustomize does and refuses what it does not know, so that a test never passes over something unread.
"""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import yaml

from tests.deploy.files import read_environment, read_yaml

KNOWN: Final = {
    "apiVersion",
    "kind",
    "namespace",
    "labels",
    "resources",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
    "images",
    "patches",
}
UNSPACED: Final = {"Namespace"}

Object = dict[str, Any]


def build(folder: Path, secrets: Path) -> list[Object]:
    """The objects of a kustomization. `secrets` stands for the file `secrets.env`, which is never in the checkout."""
    kustomization = read_yaml(folder / "kustomization.yaml")
    if unknown := set(kustomization) - KNOWN:
        raise ValueError(f"{folder}: {unknown} is not understood here")
    objects = list(_resources(folder, kustomization, secrets))
    objects += _generated(folder, kustomization, secrets)
    for patch in kustomization.get("patches", ()):
        _patch(objects, read_yaml(folder / patch["path"]), patch.get("target"))
    for one in objects:
        if "namespace" in kustomization and one["kind"] not in UNSPACED:
            one["metadata"]["namespace"] = kustomization["namespace"]
        for labels in kustomization.get("labels", ()):
            one["metadata"].setdefault("labels", {}).update(labels["pairs"])
            if labels["includeTemplates"] and "template" in one.get("spec", {}):
                one["spec"]["template"]["metadata"]["labels"].update(labels["pairs"])
    return objects


def _resources(folder: Path, kustomization: Object, secrets: Path) -> Iterator[Object]:
    for name in kustomization.get("resources", ()):
        path = folder / name
        if path.is_dir():
            yield from build(path.resolve(), secrets)
        else:
            yield from yaml.safe_load_all(path.read_text())


def _generated(folder: Path, kustomization: Object, secrets: Path) -> Iterator[Object]:
    labels = kustomization.get("generatorOptions", {}).get("labels", {})
    for kind, generators in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
        for generator in kustomization.get(generators, ()):
            data: dict[str, str] = {}
            for file in generator.get("files", ()):
                data[Path(file).name] = (folder / file).read_text()
            for file in generator.get("envs", ()):
                data |= read_environment(secrets if file == "secrets.env" else folder / file)
            yield {"kind": kind, "metadata": {"name": generator["name"], "labels": dict(labels)}, "data": data}


def _patch(objects: list[Object], patch: Any, target: Object | None) -> None:
    if target is None:
        (one,) = (one for one in objects if _name(one) == _name(patch))
        _merge(one, patch)
        return
    (one,) = (one for one in objects if _name(one) == (target["kind"], target["name"]))
    for step in patch:
        if step["op"] != "add":
            raise ValueError(f"{step['op']} is not understood here")
        *way, last = step["path"].strip("/").split("/")
        place: Any = one
        for key in way:
            place = place[int(key)] if isinstance(place, list) else place[key]
        place[last] = deepcopy(step["value"])


def _merge(one: Object, patch: Object) -> None:
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(one.get(key), dict):
            _merge(one[key], value)
        else:
            one[key] = value


def _name(one: Object) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]
