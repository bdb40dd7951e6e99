"""`bugEvents` and `activity`: each change once, in order, live and from a cursor."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from models import Database, Project
from realtime.backends import open_broadcast
from realtime.hub import Hub
from tests.architecture.sources import ROOT
from tests.resolvers.bugs.tracker import Json, Tracker

ACTIVITY = (ROOT / "tests" / "contract" / "activity.graphql").read_text()


@pytest.fixture
async def live(database: Database, project: Project) -> AsyncIterator[Tracker]:
    """A tracker whose commits are published as the server does it."""
    async with Hub(database, open_broadcast(None)) as hub:
        database.published = hub.publish_activities
        yield Tracker(database, project, hub=hub)


async def take(stream: AsyncGenerator[Json, None], count: int) -> tuple[list[Json], str]:
    """The next events, and the cursor behind them."""
    events: list[Json] = []
    cursor = ""
    async with asyncio.timeout(20):
        while len(events) < count:
            frame = await anext(stream)
            events, cursor = events + frame["events"], frame["cursor"]
    assert len(events) == count
    return events, cursor


async def everything(tracker: Tracker) -> list[tuple[str, Json]]:
    """Each kind of change once, and what there is to see of each."""
    bug = await tracker.file("It broke", fingerprint="f", severity="HIGH", labels=["a"])
    told = [("FILED", bug)]
    told.append(("UPDATED", await tracker.update(bug, status="RESOLVED", assignee="bob")))
    await tracker.comment(bug, "Done.")
    told.append(("COMMENTED", (await tracker.detail(bug))))
    told.append(("REGRESSED", (await tracker.filed(fingerprint="f"))["bug"]))
    told.append(("REPEATED", (await tracker.filed(fingerprint="f"))["bug"]))
    return [(kind, {name: told[name] for name in bug}) for kind, told in told]


async def test_each_change_is_told_once_live_and_again_from_a_cursor(live: Tracker) -> None:
    async with aclosing(live.stream()) as stream:
        opening = await anext(stream)
        told = await everything(live)
        await live.updated(told[-1][1], title=" ")
        await live.updated(told[0][1], title="stale")
        await live.update(told[-1][1], severity="HIGH")
        await live.file("The end")
        events, _ = await take(stream, 6)

    assert opening["events"] == []
    assert [(event["kind"], event["bug"]) for event in events[:5]] == told
    assert {event["actor"] for event in events} == {"ann"}
    assert [event["time"] for event in events] == [event["bug"]["updatedAt"] for event in events]
    async with aclosing(live.stream(after=opening["cursor"])) as stream:
        again, cursor = await take(stream, 6)
    assert again == events
    async with aclosing(live.stream(after=cursor)) as stream:
        assert (await anext(stream))["events"] == []


async def test_the_feed_tells_the_same_changes_once(live: Tracker) -> None:
    told = await everything(live)
    page = await live.ask("RecentActivity", ACTIVITY, first=50, kinds=["BUG"])
    nodes = [edge["node"] for edge in reversed(page["edges"])]

    assert [node["title"] for node in nodes] == [
        "Bug 1 filed: It broke",
        "Bug 1 changed: It broke",
        "Bug 1 commented on: It broke",
        "Bug 1 back after its resolution: It broke",
        "Bug 1 met again: It broke",
    ]
    assert {(node["kind"], node["severity"]) for node in nodes} == {("BUG", "HIGH")}
    assert {(node["node"]["__typename"], node["node"]["id"]) for node in nodes} == {("Bug", told[0][1]["id"])}


@pytest.mark.parametrize(
    ("kept", "numbers"),
    [
        ({"severities": ["CRITICAL"]}, [2, 2]),
        ({"statuses": ["CLOSED"]}, [2]),
        ({"search": "login", "labels": ["a"]}, [1]),
        ({"assignees": ["bob"]}, [2]),
        ({}, [1, 2, 2]),
    ],
)
async def test_a_filter_picks_by_the_bug_as_the_change_left_it(live: Tracker, kept: Json, numbers: list[int]) -> None:
    async with aclosing(live.stream(filter=kept)) as stream:
        await anext(stream)
        await live.file("Login fails", labels=["a"])
        bug = await live.file("Other", severity="CRITICAL")
        await live.update(bug, status="CLOSED", assignee="bob")
        events, _ = await take(stream, len(numbers))
    assert [event["bug"]["number"] for event in events] == numbers


async def test_an_event_says_what_changed_and_what_was_said(live: Tracker) -> None:
    document = """subscription BugEvents { bugEvents { cursor events {
      kind changes { field before after } comment { body author } bug { comments(first: 1) { totalCount } }
    } } }"""
    bug = await live.file()
    async with aclosing(live.stream(document)) as stream:
        await anext(stream)
        await live.update(bug, status="IN_PROGRESS", labels=["x"])
        await live.comment(bug, "On it.")
        (changed, said), _ = await take(stream, 2)
    assert (changed["kind"], changed["comment"]) == ("UPDATED", None)
    assert changed["changes"] == [
        {"field": "labels", "before": [], "after": ["x"]},
        {"field": "status", "before": "OPEN", "after": "IN_PROGRESS"},
    ]
    assert said == {
        "kind": "COMMENTED",
        "changes": [],
        "comment": {"body": "On it.", "author": "ann"},
        "bug": {"comments": {"totalCount": 1}},
    }


@pytest.mark.parametrize("variables", [{"after": "garbage"}, {"filter": {"search": "x " * 300}}])
async def test_what_cannot_be_followed_is_refused(live: Tracker, variables: Json) -> None:
    with pytest.raises(Exception, match=r"not a cursor|at most"):
        await anext(live.stream(**variables))
