"""Every figure is what plain Python makes of the events that were sent: to the token, and to the picodollar."""

from collections.abc import Sequence
from functools import partial

import msgspec
import pytest

from integrations.prices import ListPrices
from models import Database, Project
from realtime.facts import ApiCallFact, UsageFact
from resolvers.events.writer import Writer
from resolvers.repricings.job import sweep
from resolvers.rollups.fold import fold, fold_subjects
from tests.figures.generating import FIRST, LAST, Event, batches
from tests.figures.recomputing import PICODOLLARS, recomputed
from tests.resolvers.events.events import send
from tests.resolvers.metrics import oracle
from tests.resolvers.metrics.asking import API_TOTALS, USAGE_TOTALS, Client
from tests.resolvers.metrics.comparing import agrees
from tests.resolvers.metrics.periods import Period
from tests.resolvers.prices.editor import Editor
from tests.resolvers.rollups.facts import catch_up

UNPRICED = "nobody-knows"
RATES = {"input": 3, "cacheRead": 1, "cacheWrite": 4, "output": 7, "reasoning": 8}
REPRICE = "mutation ($input: RepriceUsageInput!) { repriceUsage(input: $input) { userErrors { message } } }"
ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe")
FIELDS = f"""
  usage {{
    totals {{ {USAGE_TOTALS} }}
    previous {{ {USAGE_TOTALS} }}
    daily: series(interval: DAY) {{ start totals {{ {USAGE_TOTALS} }} }}
    hourly: series(interval: HOUR) {{ start totals {{ requests costUsd tokens {{ total }} }} }}
    heatmap {{ weekday hour requests costUsd }}
    costLatencyCorrelation {{ sampleCount }}
  }}
  api {{
    totals {{ {API_TOTALS} }}
    previous {{ {API_TOTALS} }}
    daily: series(interval: DAY) {{ start totals {{ {API_TOTALS} }} }}
  }}
"""


async def sent(database: Database, project: Project, events: Sequence[Sequence[Event]]) -> None:
    """Sends the events as they come, and rolls most of them up meanwhile."""
    writer = Writer(database, ListPrices())
    await writer.start()
    for number, batch in enumerate(events):
        recorded = await send(writer, project.id, batch)
        assert recorded.rejected == []
        if number % 5 == 4:
            await fold(database, project.id)
            await fold_subjects(database, project.id)
    await writer.stop()


async def agree(client: Client, usage: list[UsageFact], api: list[ApiCallFact], period: Period) -> None:
    """Raises AssertionError, naming the figure, where an answer is not what was recomputed."""
    answer = await client.metrics(FIELDS, period.variable)
    inside, calls = oracle.within(usage, period), oracle.within(api, period)
    expected = {
        "usage": {
            "totals": oracle.usage_totals(inside),
            "previous": oracle.usage_totals(oracle.within(usage, period.previous)),
            "daily": oracle.series(usage, period, "DAY", oracle.usage_totals),
            "hourly": oracle.series(usage, period, "HOUR", _short),
            "heatmap": oracle.heatmap(inside, period.zone),
            "costLatencyCorrelation": {
                "sampleCount": sum(None not in (event.cost_picousd, event.duration_ms) for event in inside)
            },
        },
        "api": {
            "totals": oracle.api_totals(calls),
            "previous": oracle.api_totals(oracle.within(api, period.previous)),
            "daily": oracle.series(api, period, "DAY", oracle.api_totals),
        },
    }
    agrees(answer, expected, str(period))
    for by in ("MODEL", "PROVIDER", "SUBJECT", "STATUS"):
        pages = await client.pages("usage", by, "COST", 50, period.variable)
        found = {edge["node"]["key"]: edge["node"]["totals"] for page in pages for edge in page["edges"]}
        groups = oracle.groups(inside, partial(_key, by))
        agrees(found, {key: oracle.usage_totals(some) for key, some in groups.items()}, f"{by} of {period}")


async def repriced(database: Database, project: Project) -> None:
    """Gives a model without a price one of the project's own, and prices everything anew."""
    editor = Editor(database, project)
    await editor.save(model=UNPRICED, rates={name: str(dollars) for name, dollars in RATES.items()})
    period = {"from": FIRST.isoformat(), "to": LAST.isoformat()}
    begun = (await editor.ask(REPRICE, input={"period": period}))["repriceUsage"]
    assert begun["userErrors"] == []
    await sweep(database, ListPrices())
    await catch_up(database, project.id)


def anew(event: UsageFact) -> UsageFact:
    """The event as it costs by the project's own price."""
    if event.model != UNPRICED:
        return event
    tokens = {
        "input": event.uncached_tokens,
        "cacheRead": event.cache_read_tokens,
        "cacheWrite": event.cache_write_tokens,
        "output": event.visible_tokens,
        "reasoning": event.reasoning_tokens,
    }
    cost = sum(count * RATES[name] * PICODOLLARS // 10**6 for name, count in tokens.items())
    return msgspec.structs.replace(event, cost_picousd=cost)


async def check(database: Database, project: Project, count: int) -> None:
    events = list(batches(count, seed=count))
    facts = recomputed(events)
    assert len(facts) < sum(map(len, events))
    await sent(database, project, events)
    usage = [fact for fact in facts if isinstance(fact, UsageFact)]
    api = [fact for fact in facts if isinstance(fact, ApiCallFact)]
    assert sum(event.cost_picousd is None for event in usage) > count / 100
    client = Client(database, project)
    for zone in ZONES:
        await agree(client, usage, api, Period.local("2026-10-20T00:00:00", "2026-11-04T00:00:00", zone))
    cut = Period.local("2026-10-02T13:07:30", "2026-10-30T02:59:59", ZONES[0])
    await agree(client, usage, api, cut)
    await repriced(database, project)
    await agree(client, list(map(anew, usage)), api, cut)


async def test_every_figure_is_what_the_events_add_up_to(database: Database, project: Project) -> None:
    await check(database, project, 12_000)


@pytest.mark.long
@pytest.mark.parametrize("count", [100_000, 1_000_000])
async def test_every_figure_of_many_events(database: Database, project: Project, count: int) -> None:
    await check(database, project, count)


def _key(by: str, event: UsageFact) -> str | None:
    return oracle.key(event, by)


def _short(events: Sequence[UsageFact]) -> oracle.Json:
    totals = oracle.usage_totals(events)
    return {
        "requests": totals["requests"],
        "costUsd": totals["costUsd"],
        "tokens": {"total": totals["tokens"]["total"]},
    }
