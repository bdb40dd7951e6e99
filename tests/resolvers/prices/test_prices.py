"""Own prices: what may be saved, which one counts, and what stays of those that were."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from integrations.prices import ListPrices
from models import AuditEntry, Database, Project, UsageEvent
from resolvers.events.writer import Writer
from tests.databases import only_sqlite
from tests.resolvers.events.events import send, usage
from tests.resolvers.prices.editor import Editor

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
RATES = {"input": "1", "output": "2"}
OF = """query ($model: String!, $provider: String, $tier: String, $time: DateTime, $tokens: Int! = 0) {
  priceOf(model: $model, provider: $provider, serviceTier: $tier, time: $time, inputTokens: $tokens) {
    source priceVersion serviceTierKnown rates { input cacheRead output perRequest } price { revision }
  }
}"""
LIST = """query ($filter: PriceFilter) {
  prices(first: 10, filter: $filter) { totalCount edges { node { id model revision } } }
}"""
REVISIONS = """query ($id: ID!) {
  priceRevisions(id: $id, first: 10) { edges { node { revision savedBy replacedAt rates { input } } } }
}"""


@pytest.fixture
def editor(database: Database, project: Project) -> Editor:
    return Editor(database, project)


async def test_the_list_counts_until_there_is_a_price_of_ones_own(editor: Editor) -> None:
    listed = (await editor.ask(OF, model="gpt-4o", provider="openai"))["priceOf"]
    assert (listed["source"], listed["price"]) == ("BOOK", None)
    assert listed["priceVersion"].startswith("genai-prices ")
    saved = await editor.save(model="gpt-4o", rates={**RATES, "perRequest": "0.01"})
    own = (await editor.ask(OF, model="gpt-4o", provider="openai"))["priceOf"]
    assert own == {
        "source": "OVERRIDE",
        "priceVersion": "price 1 revision 1",
        "serviceTierKnown": True,
        "rates": {"input": "1", "cacheRead": None, "output": "2", "perRequest": "0.01"},
        "price": {"revision": 1},
    }
    await editor.delete(saved["id"])
    assert (await editor.ask(OF, model="gpt-4o", provider="openai"))["priceOf"] == listed
    assert (await editor.ask(OF, model="nobody-knows-it"))["priceOf"] is None


@only_sqlite
async def test_the_most_specific_then_the_latest_counts(editor: Editor) -> None:
    for input_, values in enumerate(
        [
            {"model": "*"},
            {"model": "gpt-*"},
            {"model": "gpt-4*"},
            {"model": "gpt-4*", "provider": "open*"},
            {"model": "gpt-4o", "from_": (NOW - dt.timedelta(days=3)).isoformat()},
            {
                "model": "gpt-4o",
                "from_": (NOW - dt.timedelta(days=2)).isoformat(),
                "to": (NOW - dt.timedelta(days=1)).isoformat(),
            },
        ],
        1,
    ):
        await editor.save(**values, rates={"input": str(input_)})

    async def counts(model: str, days_ago: float, provider: str | None = None) -> str:
        time = (NOW - dt.timedelta(days=days_ago)).isoformat()
        found = (await editor.ask(OF, model=model, provider=provider, time=time))["priceOf"]
        rate: str = found["rates"]["input"]
        return rate

    assert await counts("llama", 0) == "1"
    assert await counts("gpt-3", 0) == "2"
    assert await counts("gpt-4", 0) == "3"
    assert await counts("GPT-4", 0, "OpenAI") == "4"
    assert await counts("gpt-4o", 4) == "3"
    assert await counts("gpt-4o", 3) == "5"
    assert await counts("gpt-4o", 2) == "6"
    assert await counts("gpt-4o", 1) == "5"


@only_sqlite
async def test_prices_of_tiers_of_service_and_context(editor: Editor) -> None:
    await editor.save(
        model="acme", rates=RATES, tiers=[{"aboveInputTokens": 1000, "rates": {"input": "3"}}], note="by mail"
    )
    batch = await editor.save(model="acme", serviceTier="Batch", factor="0.5")
    assert (await editor.ask(OF, model="acme", tokens=1000))["priceOf"]["rates"]["input"] == "1"
    above = (await editor.ask(OF, model="acme", tokens=1001))["priceOf"]["rates"]
    assert (above["input"], above["output"]) == ("3", "2")
    halved = (await editor.ask(OF, model="acme", tier="batch", tokens=1001))["priceOf"]
    assert (halved["rates"]["input"], halved["rates"]["output"]) == ("1.5", "1")
    assert halved["priceVersion"] == "price 2 revision 1 of price 1 revision 1"
    flex = (await editor.ask(OF, model="acme", tier="flex"))["priceOf"]
    assert (flex["rates"]["input"], flex["serviceTierKnown"]) == ("1", False)
    await editor.save(id=batch["id"], factor=None, rates={"input": "0.25"})
    assert (await editor.ask(OF, model="acme", tier="batch"))["priceOf"]["rates"]["input"] == "0.25"


async def test_a_change_is_a_revision_and_the_past_stays(database: Database, project: Project, editor: Editor) -> None:
    first = await editor.save(model="acme", rates=RATES)
    same = await editor.save(id=first["id"], rates=RATES)
    assert same["revision"] == 1
    second = await editor.save(id=first["id"], rates={"input": "5"})
    assert (second["revision"], second["priceVersion"]) == (2, "price 1 revision 2")
    await editor.delete(first["id"])
    edges = (await editor.ask(REVISIONS, id=first["id"]))["priceRevisions"]["edges"]
    shown = [(each["node"]["revision"], each["node"]["rates"]["input"], each["node"]["savedBy"]) for each in edges]
    assert shown == [(2, "5", "the editor"), (1, "1", "the editor")]
    assert all(each["node"]["replacedAt"] for each in edges)
    assert (await editor.ask(LIST))["prices"] == {"totalCount": 0, "edges": []}
    async with database.read() as session:
        actions = await session.scalars(
            select(AuditEntry.action).where(AuditEntry.target == "price:1").order_by(AuditEntry.id)
        )
    assert actions == ["price.saved", "price.saved", "price.deleted"]
    third = await editor.save(model="acme", rates=RATES)
    assert third["priceVersion"] == "price 2 revision 1"


@only_sqlite
async def test_what_ties_is_a_conflict(editor: Editor) -> None:
    start = NOW.isoformat()
    await editor.save(model="gpt-*", from_=start, rates=RATES)
    tie = await editor.refused(model="*-pro", from_=start, rates=RATES)
    assert (tie["code"], tie["field"]) == ("CONFLICT", "model")
    assert (await editor.refused(model="GPT-*", from_=start, rates=RATES))["code"] == "CONFLICT"
    await editor.save(model="o3-*", from_=start, rates=RATES)
    await editor.save(model="gpt-**", from_=(NOW + dt.timedelta(seconds=1)).isoformat(), rates=RATES)
    await editor.save(model="gpt-*", from_=start, provider="openai", rates=RATES)
    await editor.save(model="gpt-*", from_=start, serviceTier="batch", rates=RATES)


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"currency": "EUR"}, "currency", "US dollars"),
    ({"rates": {"input": "-1"}}, "rates.input", "from 0"),
    ({"rates": {"cacheRead": "2500000"}}, "rates.cacheRead", "unit"),
    ({"rates": {"output": "0.0000025"}}, "rates.output", "multiply it by a million"),
    ({"rates": {"perRequest": "1001"}}, "rates.perRequest", "one request"),
    ({"rates": {"input": "1e-13"}}, "rates.input", "decimals"),
    ({"rates": {}}, "rates", "at least one"),
    ({"rates": None}, "rates", "factor"),
    ({"factor": "2"}, "factor", "either"),
    ({"rates": None, "factor": "-1"}, "factor", "0.5"),
    ({"rates": None, "factor": "101"}, "factor", "100"),
    ({"model": " "}, "model", "200"),
    ({"model": None}, "model", "200"),
    ({"model": "x" * 201}, "model", "200"),
    ({"model": "a\0"}, "model", "NUL"),
    ({"from_": NOW.isoformat(), "to": NOW.isoformat()}, "to", "after"),
    ({"tiers": [{"aboveInputTokens": 0, "rates": RATES}]}, "tiers.0.aboveInputTokens", "ascending"),
    ({"tiers": [{"aboveInputTokens": 5, "rates": {}}]}, "tiers.0.rates", "tier"),
    ({"tiers": [{"aboveInputTokens": 5, "rates": {"input": "-1"}}]}, "tiers.0.rates.input", "from 0"),
    ({"tiers": [{"aboveInputTokens": n, "rates": RATES} for n in range(1, 12)]}, "tiers", "10"),
]


@only_sqlite
@pytest.mark.parametrize(("values", "field", "words"), WRONG)
async def test_a_wrong_price_is_refused(editor: Editor, values: dict[str, Any], field: str, words: str) -> None:
    refusal = await editor.refused(**{"model": "acme", "rates": RATES} | values)
    assert (refusal["code"], refusal["field"]) == ("INVALID", field)
    assert words in refusal["message"]


@only_sqlite
async def test_a_new_price_needs_a_model(editor: Editor) -> None:
    assert (await editor.refused(rates=RATES))["field"] == "model"


@only_sqlite
async def test_prices_are_found_by_what_they_fit(editor: Editor) -> None:
    await editor.save(model="gpt-*", rates=RATES)
    await editor.save(model="claude-*", provider="anthropic", to=NOW.isoformat(), rates=RATES)
    await editor.save(model="gpt-*", serviceTier="batch", factor="0.5")

    async def found(**filter: Any) -> list[int]:  # noqa: A002
        edges = (await editor.ask(LIST, filter=filter))["prices"]["edges"]
        return [["gpt-*", "claude-*"].index(edge["node"]["model"]) for edge in edges]

    assert await found() == [0, 1, 0]
    assert await found(model="gpt-5") == [0, 0]
    assert await found(model="gpt-5", serviceTier="default") == [0]
    assert await found(serviceTier="BATCH") == [0]
    assert await found(provider="openai") == [0, 0]
    assert await found(at=NOW.isoformat()) == [0, 0]


async def test_events_say_what_their_cost_rests_on(database: Database, project: Project, editor: Editor) -> None:
    await editor.save(model="acme", rates={"input": "10", "cacheRead": "1", "output": "20"})
    writer = Writer(database, ListPrices())
    await writer.start()
    sent = [
        usage("own", model="acme", tokens={"input": 100, "cacheRead": 50, "output": 10}),
        usage("audio", model="acme", tokens={"input": 100, "inputAudio": 40, "output": 10}, serviceTier="flex"),
        usage("list", tokens={"input": 1000}),
        usage("nobody", model="unheard-of", tokens={"input": 5, "cacheWrite": 5, "output": 1}),
        usage("theirs", model="acme", tokens={"input": 100}, costUsd=0.002),
        usage("cents", model="acme", tokens={"input": 100}, costUsd=0.1),
    ]
    recorded = await send(writer, project.id, sent)
    await writer.stop()
    (rejection,) = recorded.rejected
    assert (rejection.index, rejection.code, rejection.field) == (5, "INVALID", "costUsd")
    assert "0.1 USD, which is 100 times the 0.001 USD" in rejection.message
    document = """query ($period: PeriodInput!) { usageEvents(period: $period, first: 10) { edges { node {
      model costUsd reportedCostUsd computedCostUsd
      costBasis { source priceVersion unpriced price { model revision rates { input } } }
    } } } }"""
    edges = (await editor.ask(document, period={"last": "PT1H"}))["usageEvents"]["edges"]
    own, audio, listed, nobody, theirs = (edge["node"] for edge in edges)
    price = {"model": "acme", "revision": 1, "rates": {"input": "10"}}
    assert own["costBasis"] == {
        "source": "OVERRIDE",
        "priceVersion": "price 1 revision 1",
        "unpriced": [],
        "price": price,
    }
    assert Decimal(own["costUsd"]) == Decimal("0.00075") == Decimal(own["computedCostUsd"])
    assert audio["costBasis"]["unpriced"] == ["INPUT_AUDIO", "SERVICE_TIER"]
    assert Decimal(audio["costUsd"]) == Decimal("0.0012")
    assert (listed["costBasis"]["source"], listed["costBasis"]["price"]) == ("BOOK", None)
    assert (nobody["costUsd"], nobody["computedCostUsd"]) == (None, None)
    assert nobody["costBasis"] == {
        "source": "NONE",
        "priceVersion": None,
        "unpriced": ["CACHE_WRITE", "OUTPUT"],
        "price": None,
    }
    assert theirs["costBasis"] == {"source": "PROVIDER", "priceVersion": None, "unpriced": [], "price": None}
    assert [Decimal(theirs[name]) for name in ("costUsd", "reportedCostUsd", "computedCostUsd")] == [
        Decimal("0.002"),
        Decimal("0.002"),
        Decimal("0.001"),
    ]
    async with database.read() as session:
        assert await session.scalar(select(UsageEvent.id).where(UsageEvent.id == "cents")) is None


@only_sqlite
async def test_a_saved_price_acts_without_a_restart(database: Database, project: Project, editor: Editor) -> None:
    writer = Writer(database, ListPrices())
    await writer.start()
    before = await writer.terms.get(project.id)
    await editor.save(model="acme", rates=RATES)
    assert await writer.terms.get(project.id) is before
    writer.terms._known[project.id] = (before, 0.0)  # what five seconds do
    after = await writer.terms.get(project.id)
    writer.terms._known[project.id] = (after, 0.0)
    assert after.book is not before.book
    assert (await writer.terms.get(project.id)).book is after.book
    await writer.stop()
