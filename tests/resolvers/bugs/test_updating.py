"""Updating: the state machine, stale versions, history, comments."""

import asyncio
from itertools import pairwise, product
from typing import Any

import pytest

from models import Database, Project
from tests.resolvers.bugs.tracker import Tracker, error

STATUSES = ("OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED", "WONT_FIX", "DUPLICATE")
ALLOWED = {
    "OPEN": set(STATUSES),
    "IN_PROGRESS": set(STATUSES),
    "RESOLVED": {"RESOLVED", "CLOSED", "OPEN"},
    "CLOSED": {"CLOSED", "OPEN"},
    "WONT_FIX": {"WONT_FIX", "OPEN"},
    "DUPLICATE": {"DUPLICATE", "OPEN"},
}


async def test_only_these_ways_lead_from_a_status_to_another(tracker: Tracker) -> None:
    original = await tracker.file()
    for before, after in product(STATUSES, STATUSES):
        named = {"duplicateOf": original["number"]}
        bug = await tracker.update(await tracker.file(), status=before, **(named if before == "DUPLICATE" else {}))
        payload = await tracker.updated(bug, status=after, **(named if after == "DUPLICATE" else {}))

        if after in ALLOWED[before]:
            assert payload["bug"]["status"] == after
            assert payload["bug"]["version"] == bug["version"] + (before != after)
            assert (payload["bug"]["resolvedAt"] is not None) == (after in ("RESOLVED", "CLOSED"))
        else:
            (refusal,) = payload["userErrors"]
            assert (payload["bug"], refusal["code"], refusal["field"]) == (None, "INVALID", "status")
            assert before in refusal["message"]
            assert after in refusal["message"]
            assert (await tracker.detail(bug))["status"] == before


async def test_a_change_leaves_who_and_when_for_each_field(database: Database, project: Project) -> None:
    ann, bob = Tracker(database, project), Tracker(database, project, name="bob")
    bug = await ann.file(category="ui", labels=["a"])
    changed = await bob.update(bug, severity="CRITICAL", category=None, labels=["b", "a"], assignee=" Cid ")

    assert (changed["version"], changed["assignee"], changed["category"]) == (2, "Cid", None)
    edges = (await ann.detail(bug))["history"]["edges"]
    assert {edge["node"]["time"] for edge in edges} == {changed["updatedAt"]}
    assert await ann.history(bug) == [
        {"actor": "bob", "field": "assignee", "before": None, "after": "Cid"},
        {"actor": "bob", "field": "category", "before": "ui", "after": None},
        {"actor": "bob", "field": "labels", "before": ["a"], "after": ["b", "a"]},
        {"actor": "bob", "field": "severity", "before": "MEDIUM", "after": "CRITICAL"},
    ]


async def test_what_is_left_out_stays(tracker: Tracker) -> None:
    bug = await tracker.file(description="d", category="c", device="v", labels=["l"], severity="LOW")
    assert (
        await tracker.update(bug, title=None, status=None, severity=None, priority=None, labels=None, links=None) == bug
    )
    assert await tracker.update(bug, severity="LOW", labels=["l", "l"], assignee=" ") == bug
    assert await tracker.history(bug) == []

    changed = await tracker.update(bug, description=None, device=None)
    assert changed == bug | {
        "version": 2,
        "description": None,
        "device": None,
        "updatedAt": changed["updatedAt"],
    }


async def test_a_stale_update_is_refused_with_the_bug_as_it_is(tracker: Tracker) -> None:
    bug = await tracker.file()
    now = await tracker.update(bug, title="Sharper")
    message = "Bug 1 has version 2, not 1: look at it as it is now and try again."

    assert await tracker.updated(bug, status="CLOSED") == {
        "bug": now,
        "userErrors": error("CONFLICT", "expectedVersion", message),
    }
    assert (await tracker.updated(now | {"version": 3}, title="x"))["userErrors"][0]["code"] == "CONFLICT"
    assert len(await tracker.history(bug)) == 1


async def test_what_happens_to_a_bug_but_not_to_its_fields_makes_nobody_stale(tracker: Tracker) -> None:
    bug = await tracker.file(fingerprint="f")
    await tracker.comment(bug, "Hm.")
    await tracker.filed(fingerprint="f")

    assert (await tracker.update(bug, status="RESOLVED"))["version"] == 2


@pytest.mark.parametrize("number", [2, 0, -1, 2**31 - 1])
async def test_a_bug_that_is_not_there(tracker: Tracker, number: int) -> None:
    await tracker.file()
    missing = error("NOT_FOUND", "number", "There is no such bug in this project.")

    assert await tracker.ask("BugDetail", number=number) is None
    assert await tracker.updated({"number": number, "version": 1}) == {"bug": None, "userErrors": missing}
    said = await tracker.ask("CommentOnBug", input={"number": number, "body": "?"})
    assert said == {"comment": None, "userErrors": missing}


@pytest.mark.parametrize(
    ("fields", "code", "field", "message"),
    [
        ({"status": "DUPLICATE"}, "INVALID", "duplicateOf", "needs `duplicateOf`"),
        ({"status": "DUPLICATE", "duplicateOf": None}, "INVALID", "duplicateOf", "needs `duplicateOf`"),
        ({"status": "DUPLICATE", "duplicateOf": 3}, "INVALID", "duplicateOf", "no duplicate of itself"),
        ({"status": "DUPLICATE", "duplicateOf": 9}, "NOT_FOUND", "duplicateOf", "no bug 9"),
        ({"status": "DUPLICATE", "duplicateOf": 2}, "INVALID", "duplicateOf", "a duplicate itself, of bug 1"),
        ({"duplicateOf": 1}, "INVALID", "duplicateOf", "goes with the status DUPLICATE"),
        ({"title": " "}, "INVALID", "title", "1 to 200 characters"),
        ({"assignee": "x" * 201}, "INVALID", "assignee", "1 to 200 characters"),
        ({"links": ["/x", "javascript:x"]}, "INVALID", "links.1", "http, https or mailto"),
        ({"labels": ["x\0"]}, "INVALID", "labels.0", "NUL"),
    ],
)
async def test_what_a_bug_cannot_become_is_refused(
    tracker: Tracker, fields: dict[str, Any], code: str, field: str, message: str
) -> None:
    await tracker.file()
    await tracker.update(await tracker.file(), status="DUPLICATE", duplicateOf=1)
    bug = await tracker.file()
    payload = await tracker.updated(bug, **fields)

    (refusal,) = payload["userErrors"]
    assert (payload["bug"], refusal["code"], refusal["field"]) == (None, code, field)
    assert message in refusal["message"]
    assert (await tracker.detail(bug))["version"] == 1


async def test_a_duplicate_names_its_original_until_it_opens_again(tracker: Tracker) -> None:
    await tracker.file("The original")
    bug = await tracker.update(await tracker.file(), status="DUPLICATE", duplicateOf=1)
    named = "query ($number: Int!) { bug(number: $number) { duplicateOf { number title } } }"
    original = {"duplicateOf": {"number": 1, "title": "The original"}}
    assert await tracker.ask(None, named, number=2) == original

    await tracker.update(bug, status="OPEN")
    assert await tracker.ask(None, named, number=2) == {"duplicateOf": None}
    assert [change["field"] for change in await tracker.history(bug)] == ["duplicateOf", "status"] * 2


async def test_comments_come_in_order_with_who_wrote_them(database: Database, project: Project) -> None:
    ann, bob = Tracker(database, project), Tracker(database, project, name="bob")
    bug, other = await ann.file(), await ann.file()
    await ann.comment(other, "elsewhere")
    said = [await who.comment(bug, f"**{n}**") for n, who in enumerate((ann, bob, ann))]

    detail = await ann.detail(bug)
    assert [edge["node"] for edge in detail["comments"]["edges"]] == said
    assert [comment["author"] for comment in said] == ["ann", "bob", "ann"]
    assert (detail["version"], detail["updatedAt"]) == (1, said[-1]["createdAt"])
    paged = (
        "query ($after: String) { bug(number: 1) { comments(first: 2, after: $after) {"
        " totalCount edges { node { body } } pageInfo { hasNextPage endCursor } } } }"
    )
    page = (await ann.ask(None, paged))["comments"]
    assert (page["totalCount"], len(page["edges"]), page["pageInfo"]["hasNextPage"]) == (3, 2, True)
    page = (await ann.ask(None, paged, after=page["pageInfo"]["endCursor"]))["comments"]
    assert [edge["node"]["body"] for edge in page["edges"]] == ["**2**"]
    empty = await ann.ask("CommentOnBug", input={"number": 1, "body": " \n "})
    assert empty["userErrors"] == error("INVALID", "body", "`body` has 1 to 32,768 characters.")


async def test_what_a_mutation_answers_is_read_after_its_commit(tracker: Tracker) -> None:
    bug = await tracker.file()
    fields = "bug { version history(first: 9) { totalCount edges { node { field } } } }"
    document = f"""mutation {{
      a: updateBug(input: {{number: {bug["number"]}, expectedVersion: 1, title: "A"}}) {{ {fields} }}
      b: updateBug(input: {{number: {bug["number"]}, expectedVersion: 2, title: "B"}}) {{ {fields} }}
    }}"""
    data = (await tracker.answer(None, document))["data"]

    assert [data[name]["bug"]["history"]["totalCount"] for name in "ab"] == [1, 2]
    assert [len(data[name]["bug"]["history"]["edges"]) for name in "ab"] == [1, 2]


async def test_fifty_clients_edit_one_bug_at_once(tracker: Tracker) -> None:
    bug = await tracker.file()

    async def edit(client: int) -> tuple[int, int]:
        """Adds a label on top of those it has seen; answers how often it was refused, and the version it made."""
        seen, refused = bug, 0
        while (payload := await tracker.updated(seen, labels=[*seen["labels"], str(client)][-20:]))["userErrors"]:
            assert payload["userErrors"][0]["code"] == "CONFLICT"
            assert payload["bug"]["version"] > seen["version"]
            seen, refused = payload["bug"], refused + 1
        return refused, payload["bug"]["version"]

    outcomes = await asyncio.gather(*(edit(client) for client in range(50)))

    assert sorted(version for _, version in outcomes) == list(range(2, 52))
    assert sum(refused for refused, _ in outcomes) > 0
    paged = "{ bug(number: 1) { version history(first: 200) { edges { node { before after version } } } } }"
    after = await tracker.ask(None, paged)
    history = [edge["node"] for edge in after["history"]["edges"]]
    assert [change["version"] for change in history] == list(range(2, 52))
    assert after["version"] == 51
    for earlier, later in pairwise(history):
        assert later["before"] == earlier["after"]
