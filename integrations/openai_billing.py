"""OpenAI's bill: the organization's costs and completions, by its admin API."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from openai import APIStatusError, AsyncOpenAI, OpenAIError

from integrations.billing import NO_MODEL, Billed, BillingFailed, family
from models.base import PICODOLLARS

USD: Final = "usd"
STANDARD: Final = (None, "default", "standard")
DAYS_A_PAGE: Final = 31
MOST_PAGES: Final = 200
MOST_USD: Final = 1_000_000
"""Of a day and model, as much as a sum of picodollars is made for."""
STRANGE: Final = "OpenAI's answer is not what its API promises."
SECONDS: Final = 30.0


class _Amount(msgspec.Struct):
    value: Decimal | None = None
    currency: str | None = None


class _Cost(msgspec.Struct):
    amount: _Amount | None = None
    line_item: str | None = None


class _Completions(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    num_model_requests: int = 0
    input_cached_tokens: int | None = None
    model: str | None = None
    batch: bool | None = None
    service_tier: str | None = None


class _Costs(msgspec.Struct):
    start_time: int
    results: list[_Cost]


class _Usage(msgspec.Struct):
    start_time: int
    results: list[_Completions]


class _CostPage(msgspec.Struct):
    data: list[_Costs]
    has_more: bool = False
    next_page: str | None = None


class _UsagePage(msgspec.Struct):
    data: list[_Usage]
    has_more: bool = False
    next_page: str | None = None


Page = TypeVar("Page", _CostPage, _UsagePage)


class OpenAIBilling:
    """Asks with a key of each account: a client of its own, so that no key meets another's connection."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    async def billed(
        self, *, key: str, start: dt.datetime, end: dt.datetime, projects: Sequence[str]
    ) -> Sequence[Billed]:
        """See `Billing`. Amounts are read as decimals: a float would lose parts of a cent over a year."""
        asked: dict[str, Any] = {
            "start_time": int(start.timestamp()),
            "end_time": int(end.timestamp()),
            "bucket_width": "1d",
            "limit": DAYS_A_PAGE,
            **({"project_ids": list(projects)} if projects else {}),
        }
        try:
            async with AsyncOpenAI(
                api_key="", admin_api_key=key, base_url=self._base_url, timeout=SECONDS, max_retries=2
            ) as client:
                # Settings come from Vigie's, not from variables that the client reads by itself.
                client.organization = client.project = None
                usage = client.admin.organization.usage.with_raw_response
                costs = await _pages(_CostPage, usage.costs, **asked, group_by=["line_item"])
                grouped = ["model", "batch", "service_tier"]
                counts = await _pages(_UsagePage, usage.completions, **asked, group_by=grouped)
        except APIStatusError as error:
            raise BillingFailed(_refused(error.status_code)) from error
        except (OpenAIError, OSError) as error:
            # The type alone: a message may quote the key.
            raise BillingFailed(f"OpenAI does not answer ({type(error).__name__}).") from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BillingFailed(STRANGE) from error
        return _joined(costs, counts, start, end)


async def _pages(shape: type[Page], ask: Callable[..., Awaitable[Any]], **asked: Any) -> list[Page]:
    pages: list[Page] = []
    while len(pages) < MOST_PAGES:
        answer = await ask(**asked, **({"page": pages[-1].next_page} if pages else {}))
        pages.append(msgspec.json.decode(answer.content, type=shape))
        if not pages[-1].has_more or not pages[-1].next_page:
            return pages
    raise BillingFailed(f"OpenAI's answer has more than {MOST_PAGES} pages.")


def _joined(
    costs: Sequence[_CostPage], counts: Sequence[_UsagePage], start: dt.datetime, end: dt.datetime
) -> list[Billed]:
    found: dict[tuple[dt.datetime, str], Billed] = {}

    def of(start_time: int, model: str) -> Billed:
        day = dt.datetime.fromtimestamp(start_time, dt.UTC).replace(hour=0, minute=0, second=0)
        return found.setdefault((day, model), Billed(day, model))

    for costs_of in (bucket for page in costs for bucket in page.data):
        for cost in costs_of.results:
            of(costs_of.start_time, _model(cost.line_item)).picousd += _picodollars(cost.amount)
    for usage_of in (bucket for page in counts for bucket in page.data):
        for counted in usage_of.results:
            billed = of(usage_of.start_time, family(counted.model or NO_MODEL))
            billed.requests += counted.num_model_requests
            if counted.batch or counted.service_tier not in STANDARD:
                billed.discounted += counted.num_model_requests
            billed.input_tokens += counted.input_tokens
            billed.cached_tokens += counted.input_cached_tokens or 0
            billed.output_tokens += counted.output_tokens
    return [billed for billed in found.values() if start <= billed.day < end]


def _model(line_item: str | None) -> str:
    """The model of a line such as `gpt-4o-2024-08-06, cached input`; none in one such as `Web search`."""
    model, comma, _ = (line_item or "").partition(",")
    return family(model) if comma else NO_MODEL


def _picodollars(amount: _Amount | None) -> int:
    if amount is None or amount.value is None:
        return 0
    if (amount.currency or USD).lower() != USD:
        raise BillingFailed("OpenAI bills this organization in another currency than USD, which Vigie does not mix.")
    if not (amount.value.is_finite() and abs(amount.value) <= MOST_USD):
        raise BillingFailed(STRANGE)
    return int((amount.value * PICODOLLARS).to_integral_value())


def _refused(status: int) -> str:
    if status in (401, 403):
        return f"OpenAI refuses the key ({status}): it must be an admin key of the organization."
    return f"OpenAI answers with status {status}."
