"""The whole life of a recommendation over HTTP, from advice to what it saved."""

import datetime as dt
import json
import random
import time
import urllib.request
from typing import Any

import pytest

from tests.architecture.sources import ROOT
from tests.running import Vigie

DOCUMENT = (ROOT / "tests" / "contract" / "recommendations.graphql").read_text()
WEEK = dt.timedelta(days=7)
A_DAY = 40
PATIENCE = 60


def post(vigie: Vigie, path: str, body: Any) -> Any:
    headers = {"Content-Type": "application/json", **vigie.headers}
    request = urllib.request.Request(f"{vigie.url}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def ask(vigie: Vigie, operation: str, **variables: Any) -> Any:
    """The only field of one of the contract's operations."""
    answer = post(vigie, "/graphql", {"query": DOCUMENT, "operationName": operation, "variables": variables})
    assert "errors" not in answer, answer
    (field,) = answer["data"].values()
    return field


def week(start: dt.datetime, dollars: float, calls: int, pick: random.Random) -> list[Any]:
    times = sorted(start + WEEK * pick.random() for _ in range(calls))
    return [
        {
            "type": "usage",
            "time": time.isoformat(),
            "model": "gpt-5",
            "operation": "summary",
            "subject": "node-1",
            "status": "error" if pick.random() < 0.1 else "ok",
            "costUsd": round(dollars * pick.lognormvariate(-0.02, 0.2), 6),
        }
        for time in times
    ]


@pytest.mark.parametrize("stop", ["terminate", "kill"])
def test_advice_is_recorded_followed_and_measured_across_a_restart(vigie: Vigie, stop: str) -> None:
    pick = random.Random(5)
    middle = dt.datetime.now(dt.UTC) - WEEK
    post(vigie, "/v1/events", {"events": week(middle - WEEK, 0.05, A_DAY * 7, pick)})

    advice = {"kind": "SHORTER_PROMPTS", "title": "Say less", "subject": "node-1", "expectedMonthlySavingUsd": 12}
    recorded = ask(vigie, "RecordRecommendation", input=advice)["recommendation"]
    assert (recorded["status"], recorded["expectedMonthlySavingUsd"]) == ("ISSUED", "12")
    many = ask(vigie, "RecordRecommendations", input={"recommendations": [advice, {"kind": "B", "title": ""}]})
    assert [same["id"] for same in many["recommendations"]] == [recorded["id"]]
    assert [error["field"] for error in many["userErrors"]] == ["recommendations.1.title"]
    change = {"id": recorded["id"]}
    assert ask(vigie, "MarkRecommendationViewed", input=change)["recommendation"]["status"] == "VIEWED"
    done = ask(vigie, "ImplementRecommendation", input={**change, "implementedAt": middle.isoformat()})
    assert done["recommendation"]["effect"]["state"] == "PENDING"

    getattr(vigie, stop)()
    vigie.start()
    # Three times as many calls, each at two fifths of the cost: volume is no saving, and no loss.
    post(vigie, "/v1/events", {"events": week(middle, 0.02, 3 * A_DAY * 7, pick)})
    deadline = time.monotonic() + PATIENCE
    while (found := measured(vigie))["effect"]["state"] == "PENDING" and time.monotonic() < deadline:
        time.sleep(0.2)

    effect = found["effect"]
    assert (found["status"], effect["state"]) == ("IMPLEMENTED", "MEASURED")
    before, after = float(effect["before"]["costUsd"]), float(effect["after"]["costUsd"])
    assert [before, after] == pytest.approx([0.05, 0.02], rel=0.05)
    saving = float(effect["measuredMonthlySavingUsd"])
    assert saving == pytest.approx((before - after) * 3 * A_DAY * 30.4375, rel=1e-6)
    query = '{ metrics(period: { last: "P1D" }) { recommendations { measured measuredMonthlySavingUsd } } }'
    block = post(vigie, "/graphql", {"query": query})["data"]["metrics"]["recommendations"]
    assert block == {"measured": 1, "measuredMonthlySavingUsd": effect["measuredMonthlySavingUsd"]}


def measured(vigie: Vigie) -> Any:
    page = ask(vigie, "Recommendations", first=5, filter={"statuses": ["IMPLEMENTED"], "subjects": ["node-1"]})
    ((edge),) = page["edges"]
    return edge["node"]
