"""Filing: fields, numbers, idempotency keys, fingerprints."""

import asyncio
from typing import Any

import pytest

from models import Database, Project
from resolvers.principals import Role
from resolvers.projects import create_project
from tests.resolvers.bugs.tracker import Json, Tracker, error

SIGHTINGS = """query ($number: Int!, $after: String) { bug(number: $number) {
  context
  sightings(first: 2, after: $after) {
    totalCount edges { node { time filedBy reporter device context } } pageInfo { hasNextPage endCursor }
  }
} }"""


async def test_a_bug_has_what_was_filed(tracker: Tracker) -> None:
    told: Json = {
        "title": "Écran noir",
        "description": "After *login* ...\n\n    code",
        "severity": "HIGH",
        "priority": "URGENT",
        "category": "ui",
        "device": "iPhone 15",
        "labels": ["ios", "login"],
        "reporter": "Bob",
        "links": ["https://example.com/trace/1", "/traces/1"],
    }
    bug = await tracker.file(**told, context={"trace": [1, None, "\\u0000"]}, fingerprint="f")

    assert {name: bug[name] for name in told} == told
    assert (bug["number"], bug["version"], bug["status"], bug["occurrences"]) == (1, 1, "OPEN", 1)
    assert (bug["assignee"], bug["resolvedAt"]) == (None, None)
    assert bug["createdAt"] == bug["updatedAt"]
    seen = await tracker.ask(None, SIGHTINGS, number=1)
    assert seen["context"] == {"trace": [1, None, "\\u0000"]}
    (sighting,) = seen["sightings"]["edges"]
    assert sighting["node"] == {
        "time": bug["createdAt"],
        "filedBy": "ann",
        "reporter": "Bob",
        "device": "iPhone 15",
        "context": {"trace": [1, None, "\\u0000"]},
    }


async def test_a_bug_needs_only_a_title(tracker: Tracker) -> None:
    bug = await tracker.file("  It \n broke  ")

    assert bug["title"] == "It broke"
    assert (bug["severity"], bug["priority"], bug["labels"], bug["links"]) == ("MEDIUM", "MEDIUM", [], [])
    assert {bug[name] for name in ("description", "category", "device", "reporter", "assignee")} == {None}


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"title": " \n"}, "title", "`title` has 1 to 200 characters."),
        ({"title": "x" * 201}, "title", "`title` has 1 to 200 characters."),
        ({"title": "a\0b"}, "title", "`title` holds a NUL character (\\u0000): remove it."),
        ({"description": "x" * 32_769}, "description", "`description` has 1 to 32,768 characters."),
        ({"device": "x" * 201}, "device", "`device` has 1 to 200 characters."),
        ({"labels": ["a", " "]}, "labels.1", "`labels.1` has 1 to 200 characters."),
        ({"labels": [str(n) for n in range(21)]}, "labels", "A bug has at most 20 labels."),
        ({"links": ["https://a"] * 21}, "links", "A bug has at most 20 links."),
        ({"links": ["JavaScript:alert(1)"]}, "links.0", "A link is an http, https or mailto address, or a path."),
        ({"links": ["java\nscript:x"]}, "links.0", "A link is an http, https or mailto address, or a path."),
        ({"links": ["data:text/html,x"]}, "links.0", "A link is an http, https or mailto address, or a path."),
        ({"context": {"a": "\0"}}, "context", "`context` holds a NUL character (\\u0000): remove it."),
        ({"context": ["x" * 40_000]}, "context", "`context` has at most 32 KiB of JSON."),
        ({"fingerprint": "x" * 201}, "fingerprint", "`fingerprint` has 1 to 200 characters."),
        ({"idempotencyKey": "x" * 201}, "idempotencyKey", "`idempotencyKey` has 1 to 200 characters."),
    ],
)
async def test_what_a_bug_cannot_have_is_refused(
    tracker: Tracker, fields: dict[str, Any], field: str, message: str
) -> None:
    assert await tracker.filed(**fields) == {
        "bug": None,
        "duplicateOf": None,
        "userErrors": error("INVALID", field, message),
    }
    assert await tracker.numbers() == []


async def test_numbers_count_up_without_holes_however_many_file_at_once(tracker: Tracker) -> None:
    refused = asyncio.gather(*(tracker.filed(" ") for _ in range(5)))
    filed = await asyncio.gather(*(tracker.file(f"bug {n}") for n in range(30)))
    await refused

    assert sorted(bug["number"] for bug in filed) == list(range(1, 31))
    assert await tracker.numbers() == list(range(30, 0, -1))


async def test_each_project_counts_for_itself(database: Database, tracker: Tracker) -> None:
    async with database.write() as session:
        other = Tracker(database, await create_project(session, name="other", actor="tests"))
    await tracker.file()
    await tracker.file(fingerprint="same", idempotencyKey="same", labels=["same"])

    assert (await other.file("elsewhere", fingerprint="same", idempotencyKey="same", labels=["same"]))["number"] == 1
    assert await other.numbers(filter={"search": "something"}) == []
    assert await other.numbers(filter={"labels": ["same"], "search": "elsewhere"}) == [1]
    assert await tracker.numbers(filter={"labels": ["same"]}) == [2]
    assert await other.ask("BugDetail", number=2) is None


async def test_the_same_idempotency_key_answers_the_same_bug(tracker: Tracker) -> None:
    filed = await asyncio.gather(*(tracker.file(f"try {n}", idempotencyKey="k", fingerprint="f") for n in range(5)))
    assert {bug["number"] for bug in filed} == {1}
    assert {bug["occurrences"] for bug in filed} == {1}

    repeat = await tracker.filed("once more", idempotencyKey="l", fingerprint="f")
    again = await tracker.filed("once more", idempotencyKey="l", fingerprint="f")
    assert repeat == again
    assert (again["bug"]["occurrences"], again["duplicateOf"]) == (2, {"number": 1})


async def test_a_known_fingerprint_counts_an_occurrence(tracker: Tracker) -> None:
    bug = await tracker.file(fingerprint="f", reporter="ann")
    repeat = await tracker.filed("Other words", fingerprint="f", reporter="bob", context=[2])

    assert repeat["duplicateOf"] == {"number": bug["number"]}
    assert repeat["bug"] == bug | {"occurrences": 2, "updatedAt": repeat["bug"]["updatedAt"]}
    assert await tracker.history(bug) == []
    await tracker.filed(fingerprint="f", reporter="cid")
    page = (await tracker.ask(None, SIGHTINGS, number=1))["sightings"]
    assert [edge["node"]["reporter"] for edge in page["edges"]] == ["cid", "bob"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    page = (await tracker.ask(None, SIGHTINGS, number=1, after=page["pageInfo"]["endCursor"]))["sightings"]
    assert [edge["node"]["reporter"] for edge in page["edges"]] == ["ann"]


@pytest.mark.parametrize("status", ["OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED", "WONT_FIX"])
async def test_a_repeat_after_resolution_is_a_regression(tracker: Tracker, status: str) -> None:
    bug = await tracker.update(await tracker.file(fingerprint="f"), status=status, assignee="bob")
    repeat = (await tracker.filed(fingerprint="f"))["bug"]

    comes_back = status in ("RESOLVED", "CLOSED")
    assert repeat["status"] == ("OPEN" if comes_back else status)
    assert repeat["occurrences"] == 2
    assert repeat["version"] == bug["version"] + comes_back
    assert (repeat["resolvedAt"], repeat["assignee"]) == (None, "bob")
    causes = "query ($number: Int!) { bug(number: $number) { history(first: 9) { edges { node { field cause } } } } }"
    history = (await tracker.ask(None, causes, number=1))["history"]["edges"]
    regressions = [edge["node"]["field"] for edge in history if edge["node"]["cause"] == "REGRESSION"]
    assert regressions == (["status"] if comes_back else [])


async def test_a_repeat_of_a_duplicate_counts_on_the_original(tracker: Tracker) -> None:
    original, between, bug = [await tracker.file(fingerprint=name) for name in ("a", "b", "c")]
    await tracker.update(bug, status="DUPLICATE", duplicateOf=between["number"])
    await tracker.update(between, status="DUPLICATE", duplicateOf=original["number"])
    await tracker.update(original, status="RESOLVED")

    repeat = await tracker.filed(fingerprint="c")

    assert repeat["duplicateOf"] == {"number": original["number"]}
    assert (repeat["bug"]["status"], repeat["bug"]["occurrences"]) == ("OPEN", 2)
    assert (await tracker.detail(bug))["occurrences"] == 1


async def test_who_only_sends_files_and_sees_nothing_else(
    database: Database, project: Project, tracker: Tracker
) -> None:
    await tracker.file("Something broke before")
    sender = Tracker(database, project, role=Role.INGEST)
    assert (await sender.file())["number"] == 2

    for child in ("similar(first: 1) { title }", "history(first: 1) { edges { cursor } }", "duplicateOf { title }"):
        document = f'mutation {{ fileBug(input: {{title: "Something broke"}}) {{ bug {{ {child} }} }} }}'
        answer = await sender.answer(None, document)
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}
    answer = await sender.answer("UpdateBug", input={"number": 1, "expectedVersion": 1, "status": "CLOSED"})
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    reader = Tracker(database, project, role=Role.READER)
    answer = await reader.answer("FileBug", input={"title": "no"})
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
