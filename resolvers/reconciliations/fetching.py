"""Fetches what providers billed: once a day in one process of the cluster, and when it is asked for."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy import ColumnElement, Update, delete, insert, or_, select, update

from integrations.billing import Billed, Billing, BillingFailed
from models import Database, ProviderAccount, ProviderCost
from models.secrets import Vault
from resolvers.errors import Invalid, NotFound
from resolvers.reconciliations.accounts import NO_SUCH, get_account, key_of

A_DAY: Final = dt.timedelta(days=1)
FIRST: Final = A_DAY * 31
"""How far back the first fetch goes."""
AGAIN: Final = A_DAY * 7
"""Days that are fetched again each day: invoices settle late."""
LATE: Final = dt.timedelta(hours=1)
"""How long after midnight a provider may add up a day."""
CLAIM: Final = dt.timedelta(minutes=10)
RETRY: Final = dt.timedelta(minutes=15)
LONGEST_RETRY: Final = dt.timedelta(hours=6)
MOST_DAYS: Final = 180

FETCHED: Final = Counter("vigie_provider_fetches_total", "Fetches of what providers billed.", ["outcome"])
for _outcome in ("done", "failed"):
    FETCHED.labels(_outcome)

log = structlog.get_logger(__name__)


class Fetcher:
    """Fetches with the keys of the accounts; `billings` are the providers that it knows."""

    def __init__(self, database: Database, vault: Vault, billings: dict[str, Billing]) -> None:
        self._database = database
        self._vault = vault
        self._billings = billings

    async def run(self, *, now: dt.datetime | None = None) -> None:
        """Fetches for each account what it has not fetched up to the last midnight. One that fails waits."""
        now = now or dt.datetime.now(dt.UTC)
        midnight = _day(now - LATE)
        for project_id, provider in await self._due(midnight, now):
            if await self._claim(project_id, provider, midnight, now):
                await self._fetch(project_id, provider, None, midnight, now)

    async def fetch(
        self, *, project_id: int, provider: str, start: dt.datetime, end: dt.datetime, now: dt.datetime | None = None
    ) -> ProviderAccount:
        """Fetches the UTC days that a period touches; what stands between them and those known is fetched too.

        Answers the account as it is then: `last_error` says what went wrong. Raises NotFound, and Invalid for more
        than 180 days.
        """
        now = now or dt.datetime.now(dt.UTC)
        first, last = _day(start), min(_day(end - dt.timedelta(microseconds=1)), _day(now)) + A_DAY
        if last - first > A_DAY * MOST_DAYS:
            raise Invalid(f"At most {MOST_DAYS} days at once: shorten the period.", field="period")
        if last <= first:
            raise Invalid("Nothing is billed yet of days to come.", field="period")
        await self._fetch(project_id, provider, first, last, now)
        async with self._database.read() as session:
            account = await get_account(session, project_id=project_id, provider=provider)
        if account is None:
            raise NotFound(NO_SUCH, field="provider")
        return account

    async def _fetch(
        self, project_id: int, provider: str, first: dt.datetime | None, last: dt.datetime, now: dt.datetime
    ) -> None:
        async with self._database.read() as session:
            account = await get_account(session, project_id=project_id, provider=provider)
        if account is None:
            return
        known_from, known_until = account.fetched_from, account.fetched_until
        if first is None:
            first = min(known_until, last) - AGAIN if known_until else last - FIRST
        if known_from is not None and known_until is not None:
            # Without a gap: which days are known is one stretch of time.
            first, last = min(first, known_until), max(last, known_from)
        try:
            key = key_of(account, self._vault)
            billing = self._billings[provider]
            billed = await billing.billed(key=key, start=first, end=last, projects=account.billed_projects)
        except (BillingFailed, Invalid) as error:
            FETCHED.labels("failed").inc()
            log.warning("provider costs not fetched", project=project_id, provider=provider, error=str(error))
            await self._failed(account, str(error), now)
            return
        await self._store(account, billed, first, last, now)
        FETCHED.labels("done").inc()

    async def _store(
        self,
        account: ProviderAccount,
        billed: Sequence[Billed],
        first: dt.datetime,
        last: dt.datetime,
        now: dt.datetime,
    ) -> None:
        """Unless the account was saved anew meanwhile: then this is not what it asks for."""
        costs, known = ProviderCost, [time for time in (account.fetched_from, account.fetched_until) if time]
        async with self._database.write() as session:
            changed = await session.run(
                _same(account).values(
                    fetched_from=min([first, *known]),
                    fetched_until=max([last, *known]),
                    fetched_at=now,
                    last_error=None,
                    failures=0,
                    retry_at=None,
                    claimed_until=None,
                )
            )
            if not changed:
                return
            of_account = costs.project_id == account.project_id, costs.provider == account.provider
            await session.run(delete(costs).where(*of_account, costs.day >= first, costs.day < last))
            rows = [
                {
                    "project_id": account.project_id,
                    "provider": account.provider,
                    "day": one.day,
                    "model": one.model,
                    "billed_picousd": one.picousd,
                    "requests": one.requests,
                    "discounted": one.discounted,
                    "input_tokens": one.input_tokens,
                    "cached_tokens": one.cached_tokens,
                    "output_tokens": one.output_tokens,
                }
                for one in billed
            ]
            if rows:
                await session.run_many(insert(costs), rows)

    async def _failed(self, account: ProviderAccount, error: str, now: dt.datetime) -> None:
        pause = min(RETRY * 2 ** min(account.failures, 10), LONGEST_RETRY)
        async with self._database.write() as session:
            failed = {"last_error": error, "failures": account.failures + 1, "retry_at": now + pause}
            await session.run(_same(account).values(**failed, claimed_until=None))

    async def _due(self, midnight: dt.datetime, now: dt.datetime) -> list[tuple[int, str]]:
        account = ProviderAccount
        due = select(account.project_id, account.provider).where(
            _behind(midnight),
            or_(account.retry_at.is_(None), account.retry_at <= now),
        )
        async with self._database.read() as session:
            rows = await session.rows(due.order_by(account.project_id, account.provider))
        return [(row.project_id, row.provider) for row in rows if row.provider in self._billings]

    async def _claim(self, project_id: int, provider: str, midnight: dt.datetime, now: dt.datetime) -> bool:
        account = ProviderAccount
        async with self._database.write() as session:
            claimed = await session.run(
                update(account)
                .where(
                    account.project_id == project_id,
                    account.provider == provider,
                    _behind(midnight),
                    or_(account.claimed_until.is_(None), account.claimed_until <= now),
                )
                .values(claimed_until=now + CLAIM)
            )
        return claimed == 1


def _behind(midnight: dt.datetime) -> ColumnElement[bool]:
    """Accounts whose bill is not known up to a midnight, or was looked at before it: that day was not over then."""
    account = ProviderAccount
    return or_(account.fetched_until.is_(None), account.fetched_until < midnight, account.fetched_at < midnight)


def _same(account: ProviderAccount) -> Update:
    """The account, as it was when it was read."""
    return update(ProviderAccount).where(
        ProviderAccount.project_id == account.project_id,
        ProviderAccount.provider == account.provider,
        ProviderAccount.updated_at == account.updated_at,
    )


def _day(time: dt.datetime) -> dt.datetime:
    return time.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
