"""PromQL of dashboards and rules: found, parsed, and taken apart into the series it names."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import promql_parser
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.files import read_json, read_yaml

# What Grafana puts in place of its variables.
FILLED_IN: Final = {"$__rate_interval": "1m", "$__range": "6h", "$job": "vigie", "$instance": ".*"}
OF_PROMETHEUS: Final = frozenset({"job", "instance"})
"""Labels that a scrape adds; a label of the same name that a figure has becomes `exported_…`."""
SUFFIXES: Final = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "gauge": ("",),
    "info": ("_info",),
}


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and where it stands."""

    where: str
    text: str

    @property
    def expression(self) -> promql_parser.Expr:
        return promql_parser.parse(self.text)


def dashboard_queries(path: Path) -> Iterator[Query]:
    for panel in read_json(path)["panels"]:
        for target in panel.get("targets", ()):
            yield Query(f"{path.name}: {panel['title']}", filled_in(target["expr"]))


def rules(path: Path) -> Iterator[tuple[dict[str, Any], Query]]:
    """Each rule with its query."""
    for group in read_yaml(path)["groups"]:
        for rule in group["rules"]:
            yield rule, Query(f"{path.name}: {rule.get('record') or rule['alert']}", rule["expr"])


def filled_in(text: str) -> str:
    for variable, value in FILLED_IN.items():
        text = text.replace(variable, value)
    return text


def selectors(expression: promql_parser.Expr) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(expression, visit)
    return found


def aggregations(expression: promql_parser.Expr) -> Iterator[tuple[list[str], promql_parser.Expr]]:
    """The labels of each `by`, and what it gathers."""
    found: list[promql_parser.AggregateExpr] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.AggregateExpr):
            found.append(node)
        return True

    promql_parser.walk(expression, visit)
    for node in found:
        if node.modifier is not None:
            yield node.modifier.labels, node.expr


def exposed(text: str) -> dict[str, set[str]]:
    """The labels of each series of `/metrics`, as Prometheus stores them: without samples, as they are declared."""
    declared = {name: set(getattr(one, "_labelnames", ())) for name, one in REGISTRY._names_to_collectors.items()}
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for suffix in SUFFIXES[family.type]:
            extra = {"le"} if suffix == "_bucket" else set()
            found[family.name + suffix] = declared.get(family.name + suffix, set()) | extra
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, set()) | set(sample.labels)
    return {name: {stored(label) for label in labels} | OF_PROMETHEUS for name, labels in found.items()}


def stored(label: str) -> str:
    return f"exported_{label}" if label in OF_PROMETHEUS else label
