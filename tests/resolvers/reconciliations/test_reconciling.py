"""Costs held against the bill of a local stand-in for OpenAI."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.openai_billing import OpenAIBilling
from models import Database, Project, ProviderAccount
from models.base import PICODOLLARS
from models.secrets import Vault
from resolvers.metrics.snapshots import take_snapshot
from resolvers.reconciliations.accounts import get_account, save_account
from resolvers.reconciliations.comparing import Line, reconcile, sums_of
from resolvers.reconciliations.fetching import Fetcher
from tests.integrations.openai_bills import ADMIN_KEY, FakeBills, fake_bills
from tests.resolvers.metrics.log import Log
from tests.resolvers.rollups.facts import Traffic

VAULT = Vault("a key of thirty-two characters..")
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
A_DAY = dt.timedelta(days=1)
MIDNIGHT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def api() -> Iterator[FakeBills]:
    with fake_bills() as fake:
        yield fake


@pytest.fixture
def bills(api: FakeBills) -> FakeBills:
    api.costs, api.usage, api.asked, api.status = {}, {}, [], 200
    return api


class Books:
    """A project with an account, and its events."""

    def __init__(self, database: Database, project: Project, bills: FakeBills) -> None:
        self.database, self.project, self.bills = database, project, bills
        self.fetcher = Fetcher(database, VAULT, {"openai": OpenAIBilling(bills.url)})
        self._log, self._traffic = Log(database, project, NOW), Traffic(project.id)

    async def open(self, key: str = ADMIN_KEY) -> None:
        async with self.database.write() as session:
            await save_account(
                session,
                project_id=self.project.id,
                provider="openai",
                key=key,
                billed_projects=["proj_1"],
                vault=VAULT,
                actor="tests",
            )

    async def record(self, model: str, day: dt.datetime, calls: int, usd: float | None, **values: Any) -> None:
        cost = None if usd is None else int(usd * PICODOLLARS)
        given: dict[str, Any] = {"provider": "openai", "uncached_tokens": 100, "visible_tokens": 10, "estimated": False}
        given |= {"cache_read_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0, "model": model, **values}
        times = [day + dt.timedelta(minutes=number) for number in range(calls)]
        await self._log.append([self._traffic.usage(time, cost_picousd=cost, **given) for time in times])

    def bill(self, model: str, day: dt.datetime, usd: str, requests: int, **more: Any) -> None:
        self.bills.bill(day.date(), f"{model}, input", usd)
        self.bills.count(day.date(), model, requests, (100 * requests, 10 * requests), **more)

    async def account(self) -> ProviderAccount:
        async with self.database.read() as session:
            account = await get_account(session, project_id=self.project.id, provider="openai")
        assert account is not None
        return account

    async def lines(self, days: int = 10) -> dict[tuple[dt.datetime, str], Line]:
        async with self.database.read() as session:
            snapshot = await take_snapshot(session, project_id=self.project.id, now=NOW)
            account = await get_account(session, project_id=self.project.id, provider="openai")
            assert account is not None
            lines = await reconcile(session, snapshot, account, start=NOW - days * A_DAY, end=NOW - A_DAY)
        self.sums = sums_of(lines)
        return {(line.day, line.model): line for line in lines}


@pytest.fixture
async def books(database: Database, project: Project, bills: FakeBills) -> Books:
    books = Books(database, project, bills)
    await books.open()
    return books


async def test_reasons_rest_on_what_both_sides_counted(books: Books) -> None:
    day = MIDNIGHT - 5 * A_DAY
    cases: dict[str, tuple[Any, tuple[str, int, dict[str, Any]], list[str]]] = {
        "agreed": (books.record("agreed", day, 4, 0.5), ("2.00", 4, {}), []),
        "missing": (books.record("missing", day, 2, 0.5), ("2.00", 4, {}), ["missing_traffic"]),
        "extra": (books.record("extra", day, 6, 0.5), ("2.00", 4, {}), ["extra_traffic"]),
        "free": (books.record("free", day, 4, None), ("2.00", 4, {}), ["unpriced"]),
        "batched": (books.record("batched", day, 4, 0.5), ("1.00", 4, {"batch": True}), ["tier"]),
        "flexible": (books.record("flexible", day, 4, 0.5), ("1.00", 4, {"service_tier": "flex"}), ["tier"]),
        "dear": (books.record("dear", day, 4, 0.25), ("2.00", 4, {}), ["price"]),
        "guessed": (books.record("guessed", day, 4, 0.25, estimated=True), ("2.00", 4, {}), ["estimated"]),
        "wordy": (books.record("wordy", day, 4, 0.25, visible_tokens=90), ("2.00", 4, {}), ["tokens"]),
    }
    for model, (recording, (usd, requests, more), _) in cases.items():
        await recording
        books.bill(f"{model}-2026-01-31", day, usd, requests, **more)
    books.bills.bill(day.date(), "Web search", "3.50")
    await books.fetcher.run(now=NOW)
    lines = await books.lines()
    assert {model: lines[day, model].reasons for model in cases} == {model: case[2] for model, case in cases.items()}
    assert lines[day, ""].reasons == ["other_service"]
    missing = lines[day, "missing"]
    assert (missing.difference, missing.ours.requests) == (-PICODOLLARS, 2)
    assert missing.theirs is not None
    assert (missing.theirs.requests, missing.theirs.input_tokens, missing.theirs.output_tokens) == (4, 400, 40)
    ours, theirs = books.sums
    assert theirs == int(19.5 * PICODOLLARS)
    assert ours == int(13 * PICODOLLARS)


async def test_a_day_is_fetched_by_one_process_and_the_last_days_again(books: Books, database: Database) -> None:
    day = MIDNIGHT - 3 * A_DAY
    books.bill("gpt-4o", day, "1.00", 4)
    other = Books(database, books.project, books.bills)
    await asyncio.gather(books.fetcher.run(now=NOW), other.fetcher.run(now=NOW))
    account = await books.account()
    assert (account.fetched_from, account.fetched_until) == (MIDNIGHT - 31 * A_DAY, MIDNIGHT)
    assert len(books.bills.asked) == 2 * 31
    assert all(asked["project_ids"] == ["proj_1"] for asked in map(_brackets_off, books.bills.asked))
    await books.fetcher.run(now=NOW + A_DAY / 4)
    assert len(books.bills.asked) == 2 * 31
    books.bills.costs.clear()
    books.bill("gpt-4o", day, "1.25", 4)
    await books.fetcher.run(now=NOW + A_DAY)
    assert len(books.bills.asked) == 2 * (31 + 8)
    theirs = (await books.lines())[day, "gpt-4o"].theirs
    assert theirs is not None
    assert theirs.picousd == 1.25 * PICODOLLARS


async def test_what_was_not_fetched_is_said_to_be_so(books: Books) -> None:
    await books.record("gpt-4o", MIDNIGHT - 40 * A_DAY, 3, 0.5)
    await books.fetcher.run(now=NOW)
    line = (await books.lines(days=45))[MIDNIGHT - 40 * A_DAY, "gpt-4o"]
    assert (line.theirs, line.difference, line.reasons) == (None, None, ["not_fetched"])
    early = MIDNIGHT - 44 * A_DAY
    account = await books.fetcher.fetch(
        project_id=books.project.id, provider="openai", start=early, end=early + 2 * A_DAY, now=NOW
    )
    assert account.fetched_from == early
    line = (await books.lines(days=45))[MIDNIGHT - 40 * A_DAY, "gpt-4o"]
    assert line.reasons == ["extra_traffic"]


@pytest.mark.parametrize(
    ("status", "key", "words"),
    [(200, "sk-wrong", "refuses the key (401)"), (503, ADMIN_KEY, "status 503")],
)
async def test_failures_are_told_and_waited_out(books: Books, status: int, key: str, words: str) -> None:
    await books.open(key)
    books.bills.status = status
    await books.fetcher.run(now=NOW)
    account = await books.account()
    assert words in (account.last_error or "")
    assert key not in (account.last_error or "")
    assert account.retry_at == NOW + dt.timedelta(minutes=15)
    asked = len(books.bills.asked)
    await books.fetcher.run(now=NOW + dt.timedelta(minutes=1))
    assert len(books.bills.asked) == asked


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [("9.00", "eur", "another currency"), ("1e30", "usd", "not what its API promises")],
)
async def test_a_bill_that_cannot_be_added_up_is_refused(books: Books, amount: str, currency: str, words: str) -> None:
    books.bills.bill((MIDNIGHT - A_DAY).date(), "gpt-4o, input", amount, currency=currency)
    await books.fetcher.run(now=NOW)
    assert words in ((await books.account()).last_error or "")
    assert await books.lines() == {}


def _brackets_off(asked: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name.removesuffix("[]"): values for name, values in asked.items()}
