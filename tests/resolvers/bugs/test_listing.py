"""Lists: every filter beside a plain reading of the same bugs, every order, pages, totals, and what they cost."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from models import Database, Project
from resolvers.bugs.filters import BugFilter
from resolvers.bugs.listing import BugOrder, list_bugs
from resolvers.bugs.reading import bugs_by_number
from tests.databases import on_every_server
from tests.resolvers.bugs.tracker import Json, Tracker

SEVERITIES, PRIORITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL"), ("LOW", "MEDIUM", "HIGH", "URGENT")
TEXTS = ("Login fails", "Écran noir après LOGIN", "Slow report", "report_id is null", "naïve retries; login-form", "")


@pytest.fixture
async def bugs(tracker: Tracker) -> list[Json]:
    """Forty bugs of every kind, in the order of their numbers."""
    some, made = random.Random(7), []
    for n in range(40):
        bug = await tracker.file(
            some.choice(TEXTS[:5]),
            description=some.choice(TEXTS),
            severity=some.choice(SEVERITIES),
            priority=some.choice(PRIORITIES),
            category=some.choice(["ui", "api", None]),
            device=some.choice(["iPhone", "Pixel", None]),
            reporter=some.choice(["ann", "bob", None]),
            labels=some.sample(["a", "b", "c"], some.randrange(4)),
            fingerprint=f"f{n}",
        )
        status = some.choice(["OPEN", "OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED", "WONT_FIX"])
        made.append(await tracker.update(bug, status=status, assignee=some.choice(["cid", "dee", None])))
    return made


CASES: list[tuple[Json, Callable[[Json], bool]]] = [
    ({}, lambda bug: True),
    ({"statuses": []}, lambda bug: True),
    ({"statuses": ["OPEN", "CLOSED"]}, lambda bug: bug["status"] in ("OPEN", "CLOSED")),
    ({"statuses": ["DUPLICATE"]}, lambda bug: False),
    ({"severities": ["CRITICAL"]}, lambda bug: bug["severity"] == "CRITICAL"),
    ({"priorities": ["LOW", "URGENT"]}, lambda bug: bug["priority"] in ("LOW", "URGENT")),
    ({"categories": ["ui"]}, lambda bug: bug["category"] == "ui"),
    ({"categories": [""]}, lambda bug: False),
    ({"devices": ["Pixel", "none"]}, lambda bug: bug["device"] == "Pixel"),
    ({"assignees": ["cid"]}, lambda bug: bug["assignee"] == "cid"),
    ({"assigned": False}, lambda bug: bug["assignee"] is None),
    ({"reporters": ["ann", "bob"]}, lambda bug: bug["reporter"] is not None),
    ({"labels": ["a", "c"]}, lambda bug: bool({"a", "c"} & set(bug["labels"]))),
    ({"labels": ["\0"]}, lambda bug: False),
    ({"fingerprints": ["f3", "f5"]}, lambda bug: bug["number"] in (4, 6)),
    ({"resolved": {"last": "P1D"}}, lambda bug: bug["resolvedAt"] is not None),
    ({"created": {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}}, lambda bug: False),
    ({"updated": {"last": "P1D"}}, lambda bug: True),
    ({"search": " "}, lambda bug: True),
    ({"search": "LOGIN"}, lambda bug: "login" in text(bug)),
    ({"search": "ecran"}, lambda bug: "écran" in text(bug)),
    ({"search": "login report"}, lambda bug: "login" in text(bug) and "report" in words(bug)),
    ({"search": "report"}, lambda bug: "report" in words(bug)),
    ({"search": "report*"}, lambda bug: "report" in text(bug)),
    ({"search": "login-form"}, lambda bug: "login-form" in text(bug)),
    ({"search": "iphone ui"}, lambda bug: (bug["device"], bug["category"]) == ("iPhone", "ui")),
    ({"search": "?!"}, lambda bug: False),
    ({"search": "' OR 1=1 --"}, lambda bug: False),
    (
        {"search": "login", "labels": ["a"], "statuses": ["OPEN"], "severities": ["LOW", "HIGH"]},
        lambda bug: (
            "login" in text(bug)
            and "a" in bug["labels"]
            and bug["status"] == "OPEN"
            and bug["severity"] in ("LOW", "HIGH")
        ),
    ),
]


def text(bug: Json) -> str:
    return f"{bug['title']} {bug['description'] or ''}".lower()


def words(bug: Json) -> list[str]:
    return text(bug).split()


@on_every_server
async def test_filters_keep_what_a_plain_reading_keeps(tracker: Tracker, bugs: list[Json]) -> None:
    for kept, keeps in CASES:
        expected = [bug["number"] for bug in reversed(bugs) if keeps(bug)]
        assert await tracker.pages(7, filter=kept) == expected, kept
        assert (await tracker.ask("Bugs", first=1, filter=kept))["totalCount"] == len(expected), kept


async def test_a_stream_keeps_what_a_list_keeps(database: Database, project: Project, bugs: list[Json]) -> None:
    filters = [
        BugFilter(search=search, labels=labels, statuses=statuses, assigned=assigned)
        for search in (None, "login", "report*", "iphone ecran", "!")
        for labels in ((), ("a",))
        for statuses in ((), ("open", "resolved"))
        for assigned in (None, True)
    ]
    async with database.read() as session:
        rows = await bugs_by_number(session, [(project.id, bug["number"]) for bug in bugs])
        for kept in filters:
            listed = await list_bugs(session, project_id=project.id, kept=kept, order=BugOrder(), limit=99)
            assert {bug.number for bug in listed} == {bug.number for bug in rows.values() if kept.keeps(bug)}, kept


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_orders_page_to_their_end(tracker: Tracker, bugs: list[Json], direction: str) -> None:
    keys: dict[str, Callable[[Json], Any]] = {
        "NUMBER": lambda bug: bug["number"],
        "CREATED_AT": lambda bug: bug["createdAt"],
        "UPDATED_AT": lambda bug: bug["updatedAt"],
        "SEVERITY": lambda bug: SEVERITIES.index(bug["severity"]),
        "PRIORITY": lambda bug: PRIORITIES.index(bug["priority"]),
    }
    for field, key in keys.items():
        expected = sorted(bugs, key=lambda bug: (key(bug), bug["number"]), reverse=direction == "DESC")
        order = {"field": field, "direction": direction}
        for kept in (None, {"search": "login"}):
            wanted = [bug["number"] for bug in expected if kept is None or "login" in text(bug)]
            assert await tracker.pages(9, orderBy=order, filter=kept) == wanted


async def test_a_cursor_fits_its_own_list_only(tracker: Tracker, bugs: list[Json]) -> None:
    by_severity = {"field": "SEVERITY", "direction": "DESC"}
    cursor = (await tracker.ask("Bugs", first=1, orderBy=by_severity))["pageInfo"]["endCursor"]

    for order in (None, {"field": "SEVERITY", "direction": "ASC"}, {"field": "PRIORITY", "direction": "DESC"}):
        assert "not a cursor of this list" in await tracker.refusal("Bugs", first=1, after=cursor, orderBy=order)
    assert "not a cursor of this list" in await tracker.refusal("Bugs", first=1, after="garbage")


async def test_invented_cursors_do_no_harm(tracker: Tracker, bugs: list[Json]) -> None:
    from schema.paging import encode_cursor

    far = encode_cursor("bugs.number.desc", (2**62,))
    assert len(await tracker.numbers(after=far)) == 40
    document = (
        "query ($c: String, $h: String, $o: String) { bug(number: 1) { comments(first: 1, after: $c) { totalCount }"
        " history(first: 1, after: $h) { totalCount } sightings(first: 1, after: $o) { totalCount } } }"
    )
    cursors = {
        "c": encode_cursor("bugComments", (2**62,)),
        "h": encode_cursor("bugHistory", (2**62, "a")),
        "o": encode_cursor("bugOccurrences", (2**62,)),
    }
    found = await tracker.ask(None, document, **cursors)
    assert [found[name]["totalCount"] for name in ("comments", "sightings")] == [0, 1]
    nul = encode_cursor("bugHistory", (1, "\0"))
    assert "not a cursor" in await tracker.refusal(None, document, **(cursors | {"h": nul}))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"first": 0}, "`first` lies between 1 and 200"),
        ({"first": 201}, "`first` lies between 1 and 200"),
        ({"first": 1, "filter": {"labels": ["x"] * 1001}}, "at most 1000 values"),
        ({"first": 1, "filter": {"search": "x " * 300}}, "`search` has at most"),
        ({"first": 1, "filter": {"created": {"last": "P1D", "timeZone": "Mars"}}}, "not an IANA time zone"),
    ],
)
async def test_what_cannot_be_listed_is_refused(tracker: Tracker, variables: Json, message: str) -> None:
    assert message in await tracker.refusal("Bugs", **variables)


async def test_a_changed_bug_is_found_by_its_new_words_only(tracker: Tracker) -> None:
    bug = await tracker.file("Old words", labels=["before"])
    changed = await tracker.update(bug, title="New words", labels=["after"])
    assert await tracker.numbers(filter={"search": "old"}) == []
    assert await tracker.numbers(filter={"search": "before"}) == []
    assert await tracker.numbers(filter={"labels": ["before"]}) == []
    assert await tracker.numbers(filter={"search": "new after", "labels": ["after"]}) == [1]
    await tracker.update(changed, severity="HIGH")
    assert await tracker.numbers(filter={"search": "new"}) == [1]


THREADS = """query ($first: Int!) { bugs(first: $first) { edges { node {
  number
  comments(first: 2) { totalCount edges { node { body } } }
  history(first: 1) { totalCount edges { node { field } } }
  sightings(first: 1) { edges { node { filedBy } } }
  duplicateOf { number }
} } } }"""


async def test_a_page_takes_as_many_statements_whatever_it_holds(tracker: Tracker, bugs: list[Json]) -> None:
    for bug in bugs[::3]:
        for n in range(bug["number"] % 4):
            await tracker.comment(bug, f"{bug['number']}.{n}")
    await tracker.update(bugs[1], status="OPEN")
    costs: dict[str, set[int]] = {}
    for first in (1, 10, 40, 200):
        for name, document in (("Bugs", None), (None, THREADS)):
            before = tracker.statements
            page = await (
                tracker.ask(name, first=first) if document is None else tracker.ask(None, document, first=first)
            )
            costs.setdefault(name or "threads", set()).add(tracker.statements - before)
    assert costs == {"Bugs": {2}, "threads": {5}}
    for edge in page["edges"]:
        number, thread = edge["node"]["number"], edge["node"]["comments"]
        expected = number % 4 if (number - 1) % 3 == 0 else 0
        assert thread["totalCount"] == expected
        assert [one["node"]["body"] for one in thread["edges"]] == [f"{number}.{n}" for n in range(min(expected, 2))]
        assert edge["node"]["history"]["totalCount"] >= len(edge["node"]["history"]["edges"])


async def test_what_hangs_on_bugs_has_an_end(tracker: Tracker, bugs: list[Json]) -> None:
    document = "query ($n: Int!) { bugs(first: 40) { edges { node { comments(first: $n) { totalCount } } } } }"
    assert len((await tracker.ask(None, document, n=125))["edges"]) == 40
    answer = await tracker.answer(None, document, n=126)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert "at most 5,000 rows" in answer["errors"][0]["message"]


async def test_a_page_of_the_feed_loads_its_bugs_at_once(tracker: Tracker, bugs: list[Json]) -> None:
    document = """query ($first: Int!) { activities(first: $first, kinds: [BUG]) { edges { node {
      kind title severity node { __typename id ... on Bug { number title } }
    } } } }"""
    costs = set()
    for first in (1, 80):
        before = tracker.statements
        page = await tracker.ask(None, document, first=first)
        costs.add(tracker.statements - before)
    assert len(costs) == 1
    assert {edge["node"]["node"]["__typename"] for edge in page["edges"]} == {"Bug"}
    assert {edge["node"]["node"]["number"] for edge in page["edges"]} == set(range(1, 41))
