"""Wastes of each kind, as they are planted in a month: how they look, and what they cost."""

import datetime as dt
from collections.abc import Callable
from typing import Final

from tests.resolvers.recommendations.month import CACHED, DAYS, OPERATIONS, ROUTES, Month, Operation, cost, wasted

CHAT, ANSWER, DRAFT, EXTRACT, EMBED = OPERATIONS


def simple_calls_of_a_large_model(month: Month) -> None:
    classify = Operation("classify", "openai", "gpt-4o", 400, 12, 0)
    calls = [month.call(time, classify, month.subject()) for time in month.times(60 * DAYS)]
    month.calls += calls
    month.plant("CHEAPER_MODEL", wasted(calls, model="gpt-4o-mini"), operation="classify", model="gpt-4o")


def simple_calls_of_one_subject(month: Month) -> None:
    route = Operation("route", "anthropic", "claude-opus-4-1", 600, 40, 0)
    calls = [month.call(time, route, SUBJECT_A) for time in month.times(25 * DAYS)]
    month.calls += calls
    month.plant("CHEAPER_MODEL", wasted(calls, model="claude-haiku-4-5"), subject=SUBJECT_A)


def prompts_that_nobody_caches(month: Month) -> None:
    support = Operation("support", "anthropic", "claude-sonnet-4-5", 5000, 600, 0)
    times = month.times(40 * DAYS)
    calls = [month.call(time, support, month.subject(), cached_share=month.random.choice([0, 0.05])) for time in times]
    month.calls += calls
    month.plant("LOW_CACHE_HIT", wasted(calls, cached_share=CACHED), operation="support")


def one_subject_that_misses_the_cache(month: Month) -> None:
    times = month.times(45 * DAYS)
    calls = [month.call(time, ANSWER, SUBJECT_B, cached_share=month.random.uniform(0, 0.04)) for time in times]
    month.calls = [call for call in month.calls if (call["subject"], call["operation"]) != (SUBJECT_B, "answer")]
    month.calls += calls
    month.plant("LOW_CACHE_HIT", wasted(calls, cached_share=CACHED), subject=SUBJECT_B, operation="answer")


def prompts_of_one_subject_too_long(month: Month) -> None:
    longer = Operation("chat", "openai", "gpt-4o-mini", CHAT.input * 14, CHAT.output, 0)
    calls = [month.call(time, longer, SUBJECT_C, cached_share=0.0) for time in month.times(90 * DAYS)]
    month.calls = [call for call in month.calls if (call["subject"], call["operation"]) != (SUBJECT_C, "chat")]
    month.calls += calls
    waste = sum(wasted([call], input=call["input"] // 14) for call in calls)
    month.plant("OVERSIZED_PROMPT", waste, subject=SUBJECT_C, operation="chat")


def retries_within_a_trace(month: Month) -> None:
    waste = 0
    for time in month.times(15 * DAYS):
        last = month.call(time, DRAFT, SUBJECT_D, status="ok")
        last["time"] += dt.timedelta(seconds=40)
        for attempt in range(5):
            failed = {**last, "time": time + dt.timedelta(seconds=8 * attempt), "status": "error", "cure": None}
            month.calls.append(failed)
            waste += cost(failed) or 0
        month.calls.append(last)
    month.plant("RETRY_STORM", waste, subject=SUBJECT_D)


def duplicates_that_all_succeed(month: Month) -> None:
    waste = 0
    for time in month.times(20 * DAYS):
        first = month.call(time, DRAFT, SUBJECT_D, status="ok")
        repeats = [{**first, "time": time + dt.timedelta(seconds=3 * (n + 1)), "cure": None} for n in range(3)]
        month.calls += [first, *repeats]
        waste += sum(cost(call) or 0 for call in repeats)
    month.plant("RETRY_STORM", waste, subject=SUBJECT_D)


def calls_that_fail(month: Month) -> None:
    translate = Operation("translate", "mistral", "mistral-medium-latest", 900, 500, 0)
    calls = []
    for time in month.times(60 * DAYS):
        status = "error" if month.random.random() < 0.3 else "ok"
        cure = {"cure": {"status": "ok"}} if status == "error" else {}
        calls.append(month.call(time, translate, month.subject(), status=status, output=300, **cure))
    month.calls += calls
    waste = sum(cost(call) or 0 for call in calls if call["status"] == "error")
    month.plant("ERROR_PRONE", waste, operation="translate")


def a_route_that_fails(month: Month) -> None:
    for call in month.api_calls:
        if call["route"] == ROUTES[2] and month.random.random() < 0.15:
            call["status"] = 503
    month.plant("ERROR_PRONE", 0, route=ROUTES[2])


def a_route_that_is_slow(month: Month) -> None:
    for time in month.times(12 * DAYS):
        call = month.api_call(time, route="/v1/reports", duration_ms=month.random.lognormvariate(7.8, 0.5))
        month.api_calls.append(call)
    month.plant("SLOW_ROUTE", 0, route="/v1/reports")


def a_model_without_a_price(month: Month) -> None:
    own = Operation("moderate", "in-house", "moderator-7b", 300, 5, 0)
    month.calls += [month.call(time, own, month.subject()) for time in month.times(30 * DAYS)]
    month.plant("UNPRICED_MODEL", 0, model="moderator-7b")


def a_subject_that_is_gone(month: Month) -> None:
    calls = [month.call(time, ANSWER, "gone-customer", cure=None) for time in month.times(25 * DAYS)]
    month.calls += calls
    month.plant("IDLE_SUBJECT", sum(cost(call) or 0 for call in calls), subject="gone-customer")


def a_subject_that_spends_most(month: Month) -> None:
    calls = [month.call(time, DRAFT, SUBJECT_E) for time in month.times(420 * DAYS)]
    month.calls += calls
    month.plant("CONCENTRATED_SPEND", 0, subject=SUBJECT_E)


def a_route_that_misses_its_cache(month: Month) -> None:
    for call in month.api_calls:
        if call["route"] == ROUTES[3]:
            call["cache"] = "hit" if month.random.random() < 0.03 else "miss"
    month.plant("LOW_CACHE_HIT", 0, route=ROUTES[3])


SUBJECT_A, SUBJECT_B, SUBJECT_C, SUBJECT_D, SUBJECT_E = (f"customer-{number}" for number in (9, 5, 7, 12, 3))

Plant = Callable[[Month], None]
KINDS: Final[dict[str, tuple[Plant, ...]]] = {
    "CHEAPER_MODEL": (
        simple_calls_of_a_large_model,
        simple_calls_of_one_subject,
    ),
    "LOW_CACHE_HIT": (
        prompts_that_nobody_caches,
        one_subject_that_misses_the_cache,
        a_route_that_misses_its_cache,
    ),
    "OVERSIZED_PROMPT": (prompts_of_one_subject_too_long,),
    "RETRY_STORM": (
        retries_within_a_trace,
        duplicates_that_all_succeed,
    ),
    "ERROR_PRONE": (
        calls_that_fail,
        a_route_that_fails,
    ),
    "SLOW_ROUTE": (a_route_that_is_slow,),
    "UNPRICED_MODEL": (a_model_without_a_price,),
    "IDLE_SUBJECT": (a_subject_that_is_gone,),
    "CONCENTRATED_SPEND": (a_subject_that_spends_most,),
}
WASTES: Final = tuple(plant for plants in KINDS.values() for plant in plants)
