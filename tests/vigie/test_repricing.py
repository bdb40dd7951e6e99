"""A repricing of a process that is killed goes on in the next one, and ends with the right sums."""

import datetime as dt
import json
import time
from decimal import Decimal
from typing import Any

import httpx2

from tests.running import Vigie

DAYS = 60
A_DAY = 40
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
PERIOD = {"from": (NOW - dt.timedelta(days=DAYS + 1)).isoformat(), "to": (NOW + dt.timedelta(days=1)).isoformat()}
PATIENCE = 60.0

SAVE = "mutation ($input: SavePriceInput!) { savePrice(input: $input) { userErrors { message } } }"
REPRICE = """mutation ($input: RepriceUsageInput!) {
  repriceUsage(input: $input) { repricing { id } userErrors { message } }
}"""
REPRICING = """query ($id: ID!) { repricing(id: $id) {
  status days daysDone progress difference { events changed beforeUsd afterUsd pricedBefore pricedAfter }
} }"""
COST = """query ($period: PeriodInput!) { metrics(period: $period) { usage {
  totals { requests costUsd pricedShare }
  breakdown(by: SUBJECT, orderBy: COST, first: 5) { edges { node { totals { costUsd } } } }
} } }"""
"""Answered from roll-ups by time, and from those by subject."""
PROGRESS = "subscription ($id: ID!) { repricingProgress(id: $id) { status progress daysDone } }"


def ask(vigie: Vigie, query: str, **variables: Any) -> Any:
    body = {"query": query, "variables": variables}
    answer = httpx2.post(f"{vigie.url}/graphql", json=body, headers=vigie.headers, timeout=30).json()
    assert "errors" not in answer, answer
    return answer["data"]


def send(vigie: Vigie, first: int, count: int) -> None:
    events = [
        {
            "type": "usage",
            "id": f"call {number}",
            "time": (NOW - dt.timedelta(days=number % DAYS, minutes=number)).isoformat(),
            "model": "acme-1" if number % 2 else "acme-2",
            "subject": "ann" if number % 3 else "bob",
            "tokens": {"input": 1000 + number, "output": number % 7},
        }
        for number in range(first, first + count)
    ]
    answer = httpx2.post(f"{vigie.url}/v1/events", json={"events": events}, headers=vigie.headers, timeout=30)
    assert answer.json()["accepted"] == count, answer.text


def cost(count: int, one: str, two: str) -> Decimal:
    """Dollars of the first calls, by the prices of a million tokens in of the two models."""
    rates = {1: Decimal(one), 0: Decimal(two)}
    return sum((rates[number % 2] * (1000 + number) for number in range(count)), Decimal(0)) / 1_000_000


def test_kill_nine_in_the_middle(vigie: Vigie) -> None:
    count = DAYS * A_DAY
    for model, rate in (("acme-1", "2"), ("acme-2", "3")):
        ask(vigie, SAVE, input={"model": model, "rates": {"input": rate, "output": "0"}})
    send(vigie, 0, count)
    (one,) = (price for price in ids(vigie) if price["model"] == "acme-1")
    ask(vigie, SAVE, input={"id": one["id"], "rates": {"input": "5", "output": "0"}})
    repricing_id = ask(vigie, REPRICE, input={"period": PERIOD})["repriceUsage"]["repricing"]["id"]
    seen = until(vigie, repricing_id, lambda repricing: repricing["daysDone"] > 2)
    vigie.kill()
    assert seen["daysDone"] < DAYS, "it was over before it could be killed"
    vigie.start()
    send(vigie, count, 50)
    done = until(vigie, repricing_id, lambda repricing: repricing["status"] == "DONE")
    figures = done["difference"]
    late = figures["events"] - count
    assert 0 <= late <= 50
    assert (figures["pricedBefore"], figures["pricedAfter"]) == (figures["events"], figures["events"])
    if not late:
        assert figures["changed"] == count / 2
        assert Decimal(figures["beforeUsd"]) == cost(count, "2", "3")
        assert Decimal(figures["afterUsd"]) == cost(count, "5", "3")
    usage = ask(vigie, COST, period=PERIOD)["metrics"]["usage"]
    assert (usage["totals"]["requests"], usage["totals"]["pricedShare"]) == (count + 50, 1)
    assert Decimal(usage["totals"]["costUsd"]) == cost(count + 50, "5", "3")
    by_subject = [Decimal(edge["node"]["totals"]["costUsd"]) for edge in usage["breakdown"]["edges"]]
    assert sum(by_subject) == cost(count + 50, "5", "3")
    again = ask(vigie, REPRICE, input={"period": PERIOD})["repriceUsage"]["repricing"]["id"]
    told = follow(vigie, again)
    assert [each["daysDone"] for each in told] == sorted(each["daysDone"] for each in told)
    assert (told[-1]["status"], told[-1]["progress"]) == ("DONE", 1)


def follow(vigie: Vigie, repricing_id: str) -> list[Any]:
    """What the stream tells until it ends by itself."""
    body = {"query": PROGRESS, "variables": {"id": repricing_id}}
    headers = {**vigie.headers, "Accept": "text/event-stream"}
    with httpx2.stream("POST", f"{vigie.url}/graphql", json=body, headers=headers, timeout=30) as answer:
        texts = [line.removeprefix("data:") for line in answer.iter_lines() if line.startswith("data: {")]
    return [json.loads(text)["data"]["repricingProgress"] for text in texts]


def ids(vigie: Vigie) -> list[dict[str, str]]:
    edges = ask(vigie, "{ prices(first: 10) { edges { node { id model } } } }")["prices"]["edges"]
    return [edge["node"] for edge in edges]


def until(vigie: Vigie, repricing_id: str, holds: Any) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not holds(repricing := ask(vigie, REPRICING, id=repricing_id)["repricing"]):
        assert time.monotonic() < deadline, repricing
        time.sleep(0.01)
    return repricing
