"""Every query of the dashboards and of the rules can be answered by what `/metrics` shows."""

from itertools import chain
from pathlib import Path

import jsonschema
import pytest

import vigie.app  # noqa: F401 — declares the figures
from tests.deploy.files import DASHBOARDS, DEPLOY, RULES, read_json, read_yaml
from tests.deploy.queries import Query, aggregations, dashboard_queries, exposed, rules, selectors
from tests.deploy.schemas import DASHBOARD, RULE_FILE

KINDS = {"infrastructure", "business", "usage-and-cost", "realtime", "alerts-and-health", "bugs", "security"}
PROMETHEUS_OWN = {"up": {"job", "instance"}}

OF_DASHBOARDS = list(chain.from_iterable(map(dashboard_queries, DASHBOARDS)))
OF_RULES = sorted(chain.from_iterable(map(rules, RULES)), key=lambda one: "record" not in one[0])


def unanswered(query: Query, series: dict[str, set[str]]) -> list[str]:
    """What the query names and `series` has not: figures, labels of theirs, labels to gather by."""
    wrong = []
    for selector in selectors(query.expression):
        if selector.name not in series:
            wrong.append(f"{selector.name} does not exist")
            continue
        wrong += [
            f"{selector.name} has no label {matcher.name}"
            for matcher in selector.matchers.matchers
            if matcher.name not in series[selector.name]
        ]
    for labels, gathered in aggregations(query.expression):
        known = set().union(*(series.get(selector.name or "", set()) for selector in selectors(gathered)))
        wrong += [f"nothing has the label {label}" for label in labels if label not in known]
    return wrong


def test_there_is_a_dashboard_of_each_kind() -> None:
    assert {path.stem for path in DASHBOARDS} == KINDS


def test_every_query_of_a_dashboard_names_what_is_shown(series: dict[str, set[str]]) -> None:
    wrong = {query.where: found for query in OF_DASHBOARDS if (found := unanswered(query, series))}

    assert wrong == {}
    assert len(OF_DASHBOARDS) > len(DASHBOARDS)


def test_every_rule_names_what_is_shown_or_recorded(series: dict[str, set[str]]) -> None:
    known = {**series, **PROMETHEUS_OWN}
    wrong = {}
    for rule, query in OF_RULES:
        if found := unanswered(query, known):
            wrong[query.where] = found
        if "record" in rule:
            (labels, _), *_ = aggregations(query.expression)
            known[rule["record"]] = set(labels) - {"le"}

    assert wrong == {}


def test_what_is_recorded_is_used() -> None:
    recorded = {rule["record"] for rule, _ in OF_RULES if "record" in rule}
    named = {selector.name for _, query in OF_RULES for selector in selectors(query.expression)}

    assert recorded <= named


def test_a_query_that_nothing_answers_is_found() -> None:
    shown = exposed('# TYPE a_total counter\na_total{job="x",kind="y"} 1\n')

    assert unanswered(Query("", "rate(a_total{kind='y'}[5m])"), shown) == []
    assert unanswered(Query("", "sum by (exported_job) (a_total)"), shown) == []
    assert unanswered(Query("", "sum by (model) (rate(a_total{door='y'}[5m]))"), shown) == [
        "a_total has no label door",
        "nothing has the label model",
    ]
    assert unanswered(Query("", "b_total"), shown) == ["b_total does not exist"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_as_grafana_reads_it(path: Path) -> None:
    dashboard = read_json(path)
    jsonschema.validate(dashboard, DASHBOARD)

    assert dashboard["uid"] == f"vigie-{path.stem}"
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, f"{panel['title']} lies over another panel"
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_as_prometheus_reads_them(path: Path) -> None:
    jsonschema.validate(read_yaml(path), RULE_FILE)


def test_alerts_have_names_of_their_own() -> None:
    names = [rule.get("alert") or rule["record"] for rule, _ in OF_RULES]

    assert len(set(names)) == len(names)


def test_prometheus_and_grafana_find_their_files() -> None:
    prometheus = read_yaml(DEPLOY / "prometheus" / "prometheus.yaml")
    assert prometheus["rule_files"] == ["rules/*.yaml"]
    for folder, listed in (("prometheus", RULES), ("grafana", DASHBOARDS)):
        (generator,) = read_yaml(DEPLOY / folder / "kustomization.yaml")["configMapGenerator"]
        assert sorted(generator["files"]) == [str(path.relative_to(DEPLOY / folder)) for path in listed]
    (source,) = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert source["type"] == "prometheus"
