"""The ledger of recommendations by GraphQL: the contract's documents, who may, and what the feed tells."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from models import Database, Project
from realtime.backends import open_broadcast
from realtime.hub import Hub
from resolvers.principals import Principal, Role
from resolvers.projects import create_project
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.ids import encode_id
from schema.requests import GraphQLRequest
from tests.architecture.sources import ROOT

CONTRACT = ROOT / "tests" / "contract"
DOCUMENT = (CONTRACT / "recommendations.graphql").read_text()
FEED = (CONTRACT / "activity.graphql").read_text()
Answer = dict[str, Any]


class Client:
    """A key of a project, who sends the contract's documents."""

    def __init__(self, database: Database, hub: Hub, project: Project, role: Role = Role.EDITOR) -> None:
        nothing: Any = None
        self.engine = Engine(schema, Services(database, hub, nothing))
        self.principal = Principal(1, "tests", role, project.id, project.name)

    async def answer(self, operation: str | None, document: str = DOCUMENT, **variables: Any) -> Answer:
        prepared = self.engine.prepare(GraphQLRequest(document, variables, operation))
        answer: Answer = orjson.loads((await self.engine.execute(prepared, self.principal, "request")).body)
        return answer

    async def send(self, operation: str, **fields: Any) -> Answer:
        """The payload of one of the contract's mutations."""
        answer = await self.answer(operation, input=fields)
        assert "errors" not in answer, answer["errors"]
        (payload,) = answer["data"].values()
        found: Answer = payload
        return found

    async def record(self, **fields: Any) -> Answer:
        """A recommendation, recorded."""
        payload = await self.send("RecordRecommendation", **{"kind": "FEES", "title": "Lower the fees"} | fields)
        assert payload["userErrors"] == []
        recommendation: Answer = payload["recommendation"]
        return recommendation

    async def page(self, first: int = 50, document: str = DOCUMENT, **variables: Any) -> Answer:
        answer = await self.answer("Recommendations", document, first=first, **variables)
        assert "errors" not in answer, answer["errors"]
        connection: Answer = answer["data"]["recommendations"]
        return connection

    async def feed(self) -> list[Answer]:
        """The facts of the feed, the oldest first."""
        answer = await self.answer("RecentActivity", FEED, first=100, kinds=["RECOMMENDATION"])
        return [edge["node"] for edge in answer["data"]["activities"]["edges"]][::-1]


@pytest.fixture
async def hub(database: Database) -> AsyncIterator[Hub]:
    async with Hub(database, open_broadcast(None)) as hub:
        database.published = hub.publish_activities
        yield hub


@pytest.fixture
def client(database: Database, hub: Hub, project: Project) -> Client:
    return Client(database, hub, project)


def refusals(payload: Answer) -> list[tuple[str, str | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def test_a_recommendation_is_recorded_viewed_and_implemented(client: Client) -> None:
    recorded = await client.record(
        body="**Now**.", subject="node-1", confidence=0.75, expectedMonthlySavingUsd="12.5", idempotencyKey="k"
    )
    assert recorded == {
        "id": recorded["id"],
        "kind": "FEES",
        "title": "Lower the fees",
        "body": "**Now**.",
        "subject": "node-1",
        "source": "RECORDED",
        "confidence": 0.75,
        "status": "ISSUED",
        "createdAt": recorded["createdAt"],
        "viewedAt": None,
        "implementedAt": None,
        "dismissedAt": None,
        "dismissReason": None,
        "expectedMonthlySavingUsd": "12.5",
        "effect": None,
    }
    viewed = (await client.send("MarkRecommendationViewed", id=recorded["id"]))["recommendation"]
    assert viewed == recorded | {"status": "VIEWED", "viewedAt": viewed["viewedAt"]}
    at = "2026-11-01T00:00:00Z"
    done = (await client.send("ImplementRecommendation", id=recorded["id"], implementedAt=at))["recommendation"]
    pending = {"state": "PENDING", "before": None, "after": None, "measuredMonthlySavingUsd": None}
    assert done == viewed | {"status": "IMPLEMENTED", "implementedAt": at, "effect": pending}
    assert (await client.page())["edges"][0]["node"] == done
    fragment = DOCUMENT[: DOCUMENT.index("mutation")]
    query = f"query ($id: ID!) {{ node(id: $id) {{ ...Recommendation }} }} {fragment}"
    assert (await client.answer(None, query, id=recorded["id"]))["data"]["node"] == done


async def test_a_recommendation_is_dismissed_for_a_reason(client: Client) -> None:
    recorded = await client.record()
    blank = await client.send("DismissRecommendation", id=recorded["id"], reason="  ")
    assert (blank["recommendation"], refusals(blank)) == (None, [("INVALID", "reason")])

    dismissed = (await client.send("DismissRecommendation", id=recorded["id"], reason="Not ours."))["recommendation"]

    assert (dismissed["status"], dismissed["dismissReason"]) == ("DISMISSED", "Not ours.")
    again = await client.send("DismissRecommendation", id=recorded["id"], reason="Not ours.")
    assert (again["recommendation"], refusals(again)) == (dismissed, [])
    for operation, fields in (("ImplementRecommendation", {}), ("DismissRecommendation", {"reason": "Another."})):
        refused = await client.send(operation, id=recorded["id"], **fields)
        assert (refused["recommendation"], refusals(refused)) == (dismissed, [("CONFLICT", "id")])


async def test_what_is_done_is_not_done_at_another_time(client: Client) -> None:
    recorded = await client.record()
    done = await client.send("ImplementRecommendation", id=recorded["id"], implementedAt="2026-11-01T00:00:00Z")

    assert await client.send("ImplementRecommendation", id=recorded["id"]) == done
    other = await client.send("ImplementRecommendation", id=recorded["id"], implementedAt="2026-11-02T00:00:00Z")
    assert (other["recommendation"], refusals(other)) == (done["recommendation"], [("CONFLICT", "implementedAt")])
    dismissed = await client.send("DismissRecommendation", id=recorded["id"], reason="Late.")
    assert (dismissed["recommendation"], refusals(dismissed)) == (done["recommendation"], [("CONFLICT", "id")])


@pytest.mark.parametrize("at", ["1999-12-31T00:00:00Z", "2999-01-01T00:00:00Z"])
async def test_what_is_done_was_done_in_our_time(client: Client, at: str) -> None:
    recorded = await client.record()
    refused = await client.send("ImplementRecommendation", id=recorded["id"], implementedAt=at)
    assert (refused["recommendation"], refusals(refused)) == (None, [("INVALID", "implementedAt")])


async def test_many_are_recorded_whatever_the_others_are(client: Client) -> None:
    good = [{"kind": "K", "title": f"Advice {number}"} for number in range(3)]
    bad = [{"kind": "", "title": "t"}, {"kind": "K", "title": "t", "confidence": 2}]

    payload = await client.send(
        "RecordRecommendations", recommendations=[good[0], bad[0], good[1], bad[1], good[2], good[2]]
    )

    titles = [recommendation["title"] for recommendation in payload["recommendations"]]
    assert titles == ["Advice 0", "Advice 1", "Advice 2", "Advice 2"]
    assert refusals(payload) == [
        ("INVALID", "recommendations.1.kind"),
        ("INVALID", "recommendations.3.confidence"),
    ]
    assert (await client.page())["totalCount"] == 3


async def test_too_many_at_once_are_refused(client: Client) -> None:
    payload = await client.send("RecordRecommendations", recommendations=[{"kind": "K", "title": "t"}] * 501)
    assert (payload["recommendations"], refusals(payload)) == ([], [("LIMIT_REACHED", "recommendations")])
    assert await client.send("RecordRecommendations", recommendations=[]) == {"recommendations": [], "userErrors": []}


async def test_repeated_advice_about_a_target_is_one_recommendation(client: Client) -> None:
    document = """mutation ($input: RecordRecommendationInput!) { recordRecommendation(input: $input) {
      recommendation { id timesIssued title evidence expiresAt target {
        provider model operation subject environment route attributes alternativeProvider alternativeModel
      } } userErrors { field } } }"""
    target = {"model": "gpt-5", "attributes": {"feature": "chat"}, "alternativeModel": "gpt-5-mini"}
    advice = {"kind": "K", "title": "First", "subject": "node-1", "target": target, "evidence": {"calls": [1, 2]}}
    first = (await client.answer(None, document, input=advice))["data"]["recordRecommendation"]["recommendation"]
    again = advice | {"title": "Second", "expiresAt": "2030-01-01T00:00:00Z"}
    second = (await client.answer(None, document, input=again))["data"]["recordRecommendation"]["recommendation"]

    assert second == first | {"timesIssued": 2, "title": "Second", "expiresAt": "2030-01-01T00:00:00Z"}
    assert first["evidence"] == {"calls": [1, 2]}
    nothing = dict.fromkeys(["provider", "operation", "environment", "route", "alternativeProvider"])
    assert first["target"] == {**nothing, **target, "subject": "node-1"}


@pytest.mark.parametrize(
    ("kept", "titles"),
    [
        (None, ["d", "c", "b", "a"]),
        ({}, ["d", "c", "b", "a"]),
        ({"kinds": [], "statuses": [], "subjects": []}, ["d", "c", "b", "a"]),
        ({"kinds": ["K"]}, ["c", "a"]),
        ({"kinds": ["K", "\0"], "subjects": ["node-1"]}, ["a"]),
        ({"statuses": ["VIEWED", "DISMISSED"]}, ["b", "a"]),
        ({"subjects": ["nobody"]}, []),
    ],
)
async def test_a_list_is_filtered_and_paged_newest_first(client: Client, kept: Any, titles: list[str]) -> None:
    made = {}
    for title, kind, subject in (("a", "K", "node-1"), ("b", "L", "node-1"), ("c", "K", None), ("d", "L", None)):
        made[title] = (await client.record(title=title, kind=kind, subject=subject))["id"]
    await client.send("MarkRecommendationViewed", id=made["a"])
    await client.send("DismissRecommendation", id=made["b"], reason="No.")

    found, after, more = [], None, True
    while more:
        page = await client.page(1, filter=kept, after=after)
        found += [edge["node"]["title"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert page["totalCount"] == len(titles)
    assert found == titles


async def test_fifty_who_implement_at_once_do_it_once(client: Client) -> None:
    recorded = await client.record()

    payloads = await asyncio.gather(
        *(client.send("ImplementRecommendation", id=recorded["id"]) for _ in range(25)),
        *(client.send("DismissRecommendation", id=recorded["id"], reason="No.") for _ in range(25)),
    )

    (done,) = {payload["recommendation"]["status"] for payload in payloads}
    assert {code for payload in payloads for code, _ in refusals(payload)} == {"CONFLICT"}
    assert sum(not payload["userErrors"] for payload in payloads) == 25
    assert [fact["title"].partition(":")[0] for fact in await client.feed()] == ["Advised", done.title()]


async def test_the_feed_tells_each_change_once_with_its_recommendation(client: Client) -> None:
    stream = client.engine.stream(
        client.engine.prepare(GraphQLRequest(FEED, {"kinds": ["RECOMMENDATION"]}, "Activity")),
        client.principal,
        "request",
    )
    async with aclosing(stream) as bodies:
        await anext(bodies)
        recorded = await client.record(subject="node-1")
        other = await client.record(title="Raise the fees")
        for _ in range(2):
            await client.record(subject="node-1")
            await client.record(subject="node-1", body="Really.")
            await client.send("MarkRecommendationViewed", id=recorded["id"])
            await client.send("ImplementRecommendation", id=recorded["id"])
            await client.send("DismissRecommendation", id=other["id"], reason="No.")
        told: list[Answer] = []
        async with asyncio.timeout(10):
            while len(told) < 6:
                told += orjson.loads(await anext(bodies))["data"]["activity"]["events"]

    titles = ["Advised", "Advised", "Advised anew", "Seen", "Implemented", "Dismissed"]
    assert [fact["title"].partition(":")[0] for fact in told] == titles
    assert [fact["kind"] for fact in told] == ["RECOMMENDATION"] * 6
    assert told[0]["subject"] == "node-1"
    nodes = [{"__typename": "Recommendation", "id": at["id"]} for at in (recorded, other)]
    assert [fact["node"] for fact in told] == [nodes[0], nodes[1], *[nodes[0]] * 3, nodes[1]]
    assert await client.feed() == told


async def test_a_page_of_the_feed_reads_its_recommendations_at_once(
    database: Database, hub: Hub, project: Project, client: Client
) -> None:
    for number in range(30):
        await client.record(title=f"Advice {number}")
    document = "{ activities(first: 50) { edges { node { node { id ... on Recommendation { title } } } } } }"
    edges = (await client.answer(None, document))["data"]["activities"]["edges"]
    assert [edge["node"]["node"]["title"] for edge in edges] == [f"Advice {number}" for number in range(29, -1, -1)]


async def test_roles_send_read_and_change(database: Database, hub: Hub, project: Project, client: Client) -> None:
    recorded = await client.record()
    recording = {"kind": "K", "title": "t"}
    change = {"id": recorded["id"]}
    allowed: dict[str, tuple[Answer, set[Role]]] = {
        "RecordRecommendation": ({"input": recording}, {Role.INGEST, Role.EDITOR, Role.ADMIN}),
        "RecordRecommendations": (
            {"input": {"recommendations": [recording]}},
            {Role.INGEST, Role.EDITOR, Role.ADMIN},
        ),
        "MarkRecommendationViewed": ({"input": change}, {Role.EDITOR, Role.ADMIN}),
        "ImplementRecommendation": ({"input": change}, {Role.EDITOR, Role.ADMIN}),
        "DismissRecommendation": ({"input": {**change, "reason": "No."}}, {Role.EDITOR, Role.ADMIN}),
        "Recommendations": ({"first": 1}, {Role.READER, Role.EDITOR, Role.ADMIN}),
    }
    for operation, (variables, roles) in allowed.items():
        for role in Role:
            answer = await Client(database, hub, project, role).answer(operation, **variables)
            codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
            assert codes == ([] if role in roles else ["FORBIDDEN"]), (operation, role)


async def test_another_projects_recommendations_do_not_exist(database: Database, hub: Hub, client: Client) -> None:
    recorded = await client.record()
    async with database.write() as session:
        stranger = Client(database, hub, await create_project(session, name="other", actor="tests"))
    for operation, fields in (
        ("MarkRecommendationViewed", {}),
        ("ImplementRecommendation", {}),
        ("DismissRecommendation", {"reason": "No."}),
    ):
        for foreign in (recorded["id"], encode_id("Recommendation", 2, 1), encode_id("Bug", 2, 1)):
            payload = await stranger.send(operation, id=foreign, **fields)
            assert (payload["recommendation"], refusals(payload)) == (None, [("NOT_FOUND", "id")])
        garbage = await stranger.send(operation, id="garbage", **fields)
        assert refusals(garbage) == [("INVALID", "id")]
    assert (await stranger.page())["totalCount"] == 0
    node = await stranger.answer(None, "query ($id: ID!) { node(id: $id) { id } }", id=recorded["id"])
    assert node["data"]["node"] is None


async def test_rates_by_kind_by_subject_and_over_time(client: Client) -> None:
    ids = [
        (await client.record(title=title, kind=kind, subject=subject))["id"]
        for title, kind, subject in (("a", "K", "node-1"), ("b", "K", "node-2"), ("c", "L", "node-1"), ("d", "M", None))
    ]
    await client.send("MarkRecommendationViewed", id=ids[0])
    await client.send("ImplementRecommendation", id=ids[1])
    await client.send("DismissRecommendation", id=ids[2], reason="No.")
    counts = "total viewed implemented dismissed expired measured viewedRate implementedRate measuredMonthlySavingUsd"
    document = f"""{{ metrics(period: {{ last: "P1D", timeZone: "Asia/Kolkata" }}) {{ recommendations {{ {counts}
      byKind {{ kind {counts} }} bySubject(first: 2) {{ subject {counts} }} series(interval: HOUR) {{ start {counts} }}
    }} }} }}"""
    answer = await client.answer(None, document)
    found = answer["data"]["metrics"]["recommendations"]
    by_kind, by_subject, series = found.pop("byKind"), found.pop("bySubject"), found.pop("series")

    assert found == {
        "total": 4,
        "viewed": 2,
        "implemented": 1,
        "dismissed": 1,
        "expired": 0,
        "measured": 0,
        "viewedRate": 0.5,
        "implementedRate": 0.25,
        "measuredMonthlySavingUsd": "0",
    }
    assert [(kind["kind"], kind["total"], kind["viewedRate"]) for kind in by_kind] == [
        ("K", 2, 1.0),
        ("L", 1, 0.0),
        ("M", 1, 0.0),
    ]
    assert [(subject["subject"], subject["total"]) for subject in by_subject] == [("node-1", 2), ("node-2", 1)]
    assert 24 <= len(series) <= 26
    assert sum(point["total"] for point in series) == 4
    assert {point["viewedRate"] for point in series} == {None, 0.5}
    last = max(dt.datetime.fromisoformat(point["start"]) for point in series if point["total"])
    assert dt.datetime.now(dt.UTC) - last < dt.timedelta(hours=1, minutes=1)
