"""The documents of the contract run unchanged, and say what the oracle says."""

from pathlib import Path
from typing import Any

from tests.resolvers.metrics import oracle
from tests.resolvers.metrics.asking import Json
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.log import Log
from tests.resolvers.metrics.periods import Period
from tests.resolvers.metrics.test_lists import api_node, usage_node

DOCUMENT = (Path(__file__).parents[2] / "contract" / "metrics.graphql").read_text()
PERIOD = Period.local("2026-10-06T10:20:30", "2026-11-03", "Europe/Paris")

NO_RECOMMENDATIONS: Json = {"total": 0, "viewedRate": None, "implementedRate": None, "byKind": []}


def only(totals: Json, *names: str) -> Json:
    return {name: totals[name] for name in names}


def usage_totals(events: Any) -> Json:
    """The contract's `UsageTotals`."""
    totals = oracle.usage_totals(events)
    return totals | {"timeToFirstToken": only(totals["timeToFirstToken"], "p50Ms", "p95Ms")}


def ranked(facts: Any, by: str, order: str, totals: Any, answer: Json) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """The groups in the order in which they were answered, and the facts of the others; no other ranks higher."""
    groups = oracle.groups(facts, lambda fact: oracle.key(fact, by))
    page = [(edge["node"]["key"], groups.pop(edge["node"]["key"])) for edge in answer["edges"]]
    ranks = [oracle.measure(totals(some), order) or 0 for _, some in page]
    assert ranks == sorted(ranks, reverse=True)
    assert all((oracle.measure(totals(some), order) or 0) <= ranks[-1] for some in groups.values())
    return page, list(groups.values())


def rest(others: list[Any], totals: Any, *names: str) -> Json:
    return {"keys": len(others), "totals": only(totals([fact for some in others for fact in some]), *names)}


async def test_the_dashboard(log: Log) -> None:
    answer = (await log.client.ask(DOCUMENT, "Dashboard", period=PERIOD.variable))["metrics"]
    events, calls = oracle.within(log.usage, PERIOD), oracle.within(log.api, PERIOD)
    usage, api = answer["usage"], answer["api"]
    whole = oracle.usage_totals(events)

    models, other_models = ranked(events, "MODEL", "COST", oracle.usage_totals, usage["byModel"])
    providers, _ = ranked(events, "PROVIDER", "REQUESTS", oracle.usage_totals, usage["byProvider"])
    subjects, other_subjects = ranked(events, "SUBJECT", "COST", oracle.usage_totals, usage["topSubjects"])
    routes, other_routes = ranked(calls, "ROUTE", "REQUESTS", oracle.api_totals, api["byRoute"])
    # Rated by the percentile that is answered, which is within 1 %.
    answered = {edge["node"]["key"]: edge["node"]["totals"] for edge in api["byRoute"]["edges"]}
    node: Any = {
        "byModel": lambda key, some: {
            "key": key,
            "share": oracle.share(oracle.usage_totals(some), whole, "COST"),
            "totals": usage_totals(some),
        },
        "byProvider": lambda key, some: {
            "key": key,
            "totals": {"requests": len(some), "latency": only(oracle.latency(some), "p95Ms")},
        },
        "topSubjects": lambda key, some: {
            "key": key,
            "totals": only(oracle.usage_totals(some), "requests", "costUsd")
            | {"tokens": only(oracle.tokens(some), "total")},
        },
        "byRoute": lambda key, some: {
            "key": key,
            "rating": oracle.rating(answered[key]),
            "totals": oracle.api_totals(some),
        },
    }

    def edges(name: str, page: list[tuple[Any, Any]]) -> list[Json]:
        return [{"node": node[name](key, some)} for key, some in page]

    def hour(point: Json) -> Json:
        totals = point["totals"]
        figures = only(totals, "requests", "errorRate") | {"latency": only(totals["latency"], "p95Ms")}
        return {"start": point["start"], "totals": figures}

    def day(point: Json) -> Json:
        totals = point["totals"]
        figures = only(totals, "requests", "costUsd") | {"tokens": only(totals["tokens"], "total")}
        return {"start": point["start"], "totals": figures}

    assert answer.pop("asOf") is not None
    expected = {
        "period": {"from": PERIOD.start, "to": PERIOD.end, "timeZone": "Europe/Paris"},
        "usage": {
            "totals": usage_totals(events),
            "previous": usage_totals(oracle.within(log.usage, PERIOD.previous)),
            "byModel": {
                "edges": edges("byModel", models),
                "rest": rest(other_models, oracle.usage_totals, "requests", "costUsd"),
            },
            "byProvider": {"edges": edges("byProvider", providers)},
            "topSubjects": {
                "edges": edges("topSubjects", subjects),
                "rest": rest(other_subjects, oracle.usage_totals, "requests", "costUsd"),
            },
            "daily": [day(point) for point in oracle.series(log.usage, PERIOD, "DAY", oracle.usage_totals)],
            "heatmap": oracle.heatmap(events, PERIOD.zone),
            "costLatencyCorrelation": oracle.correlation(events),
            "projection": oracle.projection(log.usage, PERIOD),
        },
        "api": {
            "totals": oracle.api_totals(calls),
            "previous": oracle.api_totals(oracle.within(log.api, PERIOD.previous)),
            "byRoute": {
                "edges": edges("byRoute", routes),
                "rest": rest(other_routes, oracle.api_totals, "requests"),
            },
            "hourly": [hour(point) for point in oracle.series(log.api, PERIOD, "HOUR", oracle.api_totals)],
        },
        "recommendations": NO_RECOMMENDATIONS,
    }
    agrees(answer, expected)


async def test_the_subject_drill_down(log: Log) -> None:
    answer = await log.client.ask(DOCUMENT, "SubjectDrillDown", period=PERIOD.variable, subject="subject 1")
    events = [event for event in oracle.within(log.usage, PERIOD) if event.subject == "subject 1"]
    calls = [call for call in oracle.within(log.api, PERIOD) if call.subject == "subject 1"]
    models, others = ranked(events, "MODEL", "COST", oracle.usage_totals, answer["metrics"]["usage"]["byModel"])
    assert not others
    edges = [{"node": {"key": key, "totals": {"costUsd": oracle.cost_usd(some)}}} for key, some in models]
    usage = {"totals": usage_totals(events), "byModel": {"edges": edges}}
    agrees(answer["metrics"], {"usage": usage, "api": {"totals": oracle.api_totals(calls)}})


async def test_all_routes(log: Log) -> None:
    answer = await log.client.ask(DOCUMENT, "AllRoutes", period=PERIOD.variable)
    found = answer["metrics"]["api"]["breakdown"]
    routes, others = ranked(oracle.within(log.api, PERIOD), "ROUTE", "REQUESTS", oracle.api_totals, found)
    assert not others
    cursors = [edge.pop("cursor") for edge in found["edges"]]
    assert len(set(cursors)) == len(cursors)
    expected = [
        {"node": {"key": key, "totals": only(oracle.api_totals(some), "requests", "errors")}} for key, some in routes
    ]
    agrees(found["edges"], expected)
    assert found["pageInfo"] == {"hasNextPage": False, "endCursor": cursors[-1]}

    behind = await log.client.ask(DOCUMENT, "AllRoutes", period=PERIOD.variable, after=cursors[2])
    assert [edge["cursor"] for edge in behind["metrics"]["api"]["breakdown"]["edges"]] == cursors[3:]


async def test_usage_events(log: Log) -> None:
    wanted = {"models": ["gpt-5"], "statuses": ["OK"]}
    answer = await log.client.ask(DOCUMENT, "UsageEvents", period=PERIOD.variable, filter=wanted, first=150)
    page = answer["usageEvents"]
    events = [event for event in oracle.within(log.usage, PERIOD) if (event.model, event.status) == ("gpt-5", "ok")]
    events.sort(key=lambda event: event.time, reverse=True)
    assert page["totalCount"] == len(events)
    for edge in page["edges"]:
        assert edge["node"].pop("id")
    agrees([edge["node"] for edge in page["edges"]], [usage_node(event) for event in events[:150]])
    assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]


async def test_api_calls(log: Log) -> None:
    answer = await log.client.ask(DOCUMENT, "ApiCalls", period=PERIOD.variable, filter=None, first=200)
    page = answer["apiCalls"]
    calls = sorted(oracle.within(log.api, PERIOD), key=lambda call: call.time, reverse=True)
    for edge in page["edges"]:
        assert edge["node"].pop("id")
    expected = [api_node(call) for call in calls[:200]]
    for node in expected:
        del node["attributes"]  # which the document does not ask for
    agrees([edge["node"] for edge in page["edges"]], expected)
    assert page["pageInfo"] == {"hasNextPage": True, "endCursor": page["edges"][-1]["cursor"]}
