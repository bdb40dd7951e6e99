"""Bugs by the running server: the contract's documents over HTTP, many clients at once, the export, the gauge."""

import csv
import io
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.architecture.sources import ROOT
from tests.databases import only_postgresql, only_sqlite
from tests.running import Vigie, Vigies
from tests.vigie.test_serving import Answer, ask

DOCUMENT = (ROOT / "tests" / "contract" / "bugs.graphql").read_text()
Json = dict[str, Any]


def run(vigie: Vigie, operation: str, headers: dict[str, str] | None = None, **variables: Any) -> Any:
    """The only field that an operation of the contract answers over HTTP, without errors."""
    body = {"query": DOCUMENT, "operationName": operation, "variables": variables}
    answer = ask(f"{vigie.url}/graphql", body, **(headers or vigie.headers)).json
    assert "errors" not in answer, answer
    (value,) = answer["data"].values()
    return value


def file(vigie: Vigie, title: str = "Something broke", **fields: Any) -> Json:
    payload = run(vigie, "FileBug", input={"title": title, **fields})
    assert payload["userErrors"] == []
    bug: Json = payload["bug"]
    return bug


def export(vigie: Vigie, headers: dict[str, str] | None = None, **parameters: Any) -> Answer:
    query = urlencode(parameters, doseq=True)
    return ask(f"{vigie.url}/export/bugs.csv?{query}", **(vigie.headers if headers is None else headers))


def rows(answer: Answer) -> list[dict[str, str]]:
    assert answer.status == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_the_documents_of_the_contract_run_unchanged(vigie: Vigie) -> None:
    bug = file(vigie, "Login fails", fingerprint="f", labels=["a"], context={"n": 1}, reporter="ann")
    other = file(vigie, "Login fails too", severity="CRITICAL")
    changed = run(vigie, "UpdateBug", input={"number": 1, "expectedVersion": 1, "status": "RESOLVED"})["bug"]
    comment = run(vigie, "CommentOnBug", input={"number": 1, "body": "Done."})["comment"]
    repeat = run(vigie, "FileBug", input={"title": "Login fails", "fingerprint": "f"})

    assert (repeat["duplicateOf"], repeat["bug"]["status"]) == ({"number": 1}, "OPEN")
    page = run(vigie, "Bugs", first=1, filter={"search": "login"}, orderBy={"field": "SEVERITY", "direction": "DESC"})
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (2, True)
    assert [edge["node"] for edge in page["edges"]] == [other]
    detail = run(vigie, "BugDetail", number=1)
    assert (bug["version"], changed["version"], detail["version"]) == (1, 2, 3)
    assert [edge["node"] for edge in detail["comments"]["edges"]] == [comment]
    assert [edge["node"]["after"] for edge in detail["history"]["edges"]] == ["RESOLVED", "OPEN"]
    assert [similar["number"] for similar in detail["similar"]] == [2]
    stats = run(vigie, "BugStats", period={"last": "P7D", "timeZone": "Europe/Paris"})
    assert (stats["open"], stats["criticalOpen"], stats["filed"], len(stats["trend"])) == (2, 1, 2, 8)


@only_postgresql
def test_fifty_clients_of_two_processes_edit_one_bug(vigies: Vigies, database_url: str) -> None:
    both = [vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_ADMIN_KEY="k" * 40) for _ in range(2)]
    bug = file(both[0])

    def edit(client: int) -> tuple[int, int]:
        """Takes the bug on top of what it has seen; answers the version it made and how often it was refused."""
        seen, refused, vigie = bug, 0, both[client % 2]
        while True:
            wanted = {"number": 1, "expectedVersion": seen["version"], "assignee": f"client {client}"}
            payload = run(vigie, "UpdateBug", input=wanted)
            if not payload["userErrors"]:
                return payload["bug"]["version"], refused
            assert payload["userErrors"][0]["code"] == "CONFLICT"
            assert payload["bug"]["version"] > seen["version"]
            seen, refused = payload["bug"], refused + 1

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(edit, range(50)))

    assert sorted(version for version, _ in outcomes) == list(range(2, 52))
    assert sum(refused for _, refused in outcomes) > 0
    history = [edge["node"] for edge in run(both[1], "BugDetail", number=1)["history"]["edges"]]
    assert [change["before"] for change in history[1:]] == [change["after"] for change in history[:-1]]
    assert {change["after"] for change in history} == {f"client {client}" for client in range(50)}


@only_postgresql
def test_numbers_have_no_holes_across_processes(vigies: Vigies, database_url: str) -> None:
    both = [vigies.start(VIGIE_DATABASE_URL=database_url, VIGIE_ADMIN_KEY="k" * 40) for _ in range(2)]
    with ThreadPoolExecutor(16) as pool:
        filed = list(pool.map(lambda n: file(both[n % 2], idempotencyKey=f"{n // 2}"), range(80)))
    assert sorted({bug["number"] for bug in filed}) == list(range(1, 41))


def test_the_export_is_the_filtered_list(vigie: Vigie) -> None:
    file(vigie, "Écran noir", labels=["b", "a"], description='two\nlines, "quoted"', severity="HIGH", links=["/x"])
    file(vigie, "=HYPERLINK(1)", reporter="+1", category="@x", description=" -2", device="\t=1")
    run(vigie, "UpdateBug", input={"number": 2, "expectedVersion": 1, "status": "DUPLICATE", "duplicateOf": 1})

    duplicate, first = rows(export(vigie))
    assert [duplicate[name] for name in ("title", "reporter", "category", "device")] == [
        "'=HYPERLINK(1)",
        "'+1",
        "'@x",
        "'=1",
    ]
    assert (duplicate["status"], duplicate["duplicateOf"]) == ("DUPLICATE", "1")
    assert duplicate["description"] == "'-2"
    assert first["description"] == 'two\nlines, "quoted"'
    assert (first["labels"], first["severity"], first["resolvedAt"]) == ("b, a", "HIGH", "")
    assert first["createdAt"].endswith("Z")
    answer = export(vigie)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="bugs.csv"'
    kept: list[tuple[Json, list[str]]] = [
        ({"statuses": ["OPEN", "closed"]}, ["1"]),
        ({"search": "ecran", "labels": "a"}, ["1"]),
        ({"severities": "HIGH", "assigned": "false"}, ["1"]),
        ({"assigned": "true"}, []),
        ({"orderBy": "SEVERITY", "direction": "ASC"}, ["2", "1"]),
        ({"createdFrom": "2026-01-01T00:00:00Z"}, ["2", "1"]),
        ({"createdTo": "2026-01-01T00:00:00Z"}, []),
    ]
    for parameters, numbers in kept:
        assert [row["number"] for row in rows(export(vigie, **parameters))] == numbers, parameters


@only_sqlite
def test_a_long_export_comes_whole(vigie: Vigie) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: file(vigie, f"bug {n}"), range(520)))
    assert [row["number"] for row in rows(export(vigie))] == [str(n) for n in range(520, 0, -1)]


@only_sqlite
@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ({"state": "OPEN"}, "unknown field `state`"),
        ({"statuses": "BROKEN"}, "Invalid enum value 'broken'"),
        ({"search": ["a", "b"]}, "`search` is given 2 times"),
        ({"search": "x " * 300}, "`search` has at most"),
        ({"createdFrom": "yesterday"}, "wants ISO 8601"),
        ({"createdFrom": "2026-01-01T00:00:00"}, "needs an offset"),
        ({"createdFrom": "2026-02-01T00:00:00Z", "createdTo": "2026-01-01T00:00:00Z"}, "`from` lies before `to`"),
        ({"labels": ["x"] * 1001}, "at most 1000 values"),
    ],
)
def test_an_export_that_is_not_understood_says_why(vigie: Vigie, parameters: Json, detail: str) -> None:
    answer = export(vigie, **parameters)
    assert answer.status == 400
    assert detail in answer.json["detail"]


@only_sqlite
def test_an_export_asks_for_a_key_that_reads(vigie: Vigie) -> None:
    assert export(vigie, {}).status == 401
    assert export(vigie, {"Authorization": "Bearer wrong"}).status == 401
    create = 'mutation { createApiKey(input: {name: "sender", role: INGEST}) { secret } }'
    secret = ask(f"{vigie.url}/graphql", {"query": create}, **vigie.headers).json["data"]["createApiKey"]["secret"]
    assert export(vigie, {"X-API-Key": secret}).status == 403
    assert ask(f"{vigie.url}/export/bugs.csv", {}, **vigie.headers).status == 405


def test_prometheus_sees_bugs_by_severity_and_status(vigie: Vigie) -> None:
    def gauge() -> dict[tuple[str, str], float]:
        families = text_string_to_metric_families(ask(f"{vigie.url}/metrics").text)
        samples = next(family.samples for family in families if family.name == "vigie_bugs")
        return {(s.labels["severity"], s.labels["status"]): s.value for s in samples}

    file(vigie, severity="CRITICAL")
    file(vigie)
    run(vigie, "UpdateBug", input={"number": 2, "expectedVersion": 1, "status": "CLOSED"})
    vigie.restart()
    deadline = time.monotonic() + 30
    while gauge()["critical", "open"] != 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert {key: value for key, value in gauge().items() if value} == {("critical", "open"): 1, ("medium", "closed"): 1}
    assert len(gauge()) == 24
