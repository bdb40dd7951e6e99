"""`liveMetrics`: a gauge of the last moments, told again and again."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Annotated, Final, cast
from zoneinfo import ZoneInfo

import strawberry
import structlog

from models import Database
from models.outages import database_is_down
from resolvers.attribute_dimensions import check_declared
from resolvers.errors import Invalid
from resolvers.metrics.blocks import API, USAGE
from resolvers.metrics.figures import ApiFigures, UsageFigures
from resolvers.metrics.filters import MetricsFilter
from resolvers.metrics.periods import Period
from resolvers.metrics.scopes import Scope
from resolvers.metrics.snapshots import take_snapshot
from resolvers.metrics.totals import totals
from schema.context import Info
from schema.frames import Gauge
from schema.guards import READS
from schema.metrics import MetricsFilterInput
from schema.metrics.figures import Latency
from schema.scalars import BigInt

SHORTEST: Final = dt.timedelta(seconds=1)
LONGEST_WINDOW: Final = dt.timedelta(hours=1)
LONGEST_WAIT: Final = dt.timedelta(minutes=1)

log = structlog.get_logger(__name__)


@strawberry.type(description="The model calls of the window.")
class LiveUsage:
    requests_per_second: float = strawberry.field(description="Calls a second, of every status.")
    tokens_per_second: float = strawberry.field(description="Input and output tokens a second.")
    cost_usd: Decimal | None = strawberry.field(description="Cost of the window; null when nothing in it has a price.")
    error_rate: float | None = strawberry.field(description="Errors by calls; null without calls.")
    active_subjects: BigInt = strawberry.field(description="Distinct subjects.")
    latency: Latency = strawberry.field(description="How long calls took.")


@strawberry.type(description="The API calls of the window.")
class LiveApi:
    requests_per_second: float = strawberry.field(description="Calls a second, of every status.")
    error_rate: float | None = strawberry.field(description="Errors by calls; null without calls.")
    active_subjects: BigInt = strawberry.field(description="Distinct subjects.")
    latency: Latency = strawberry.field(description="How long calls took.")


@strawberry.type(description="Figures of the window that ends at `time`, by the events' own time.")
class LiveMetrics(Gauge):
    time: dt.datetime = strawberry.field(description="The end of the window.")
    window_seconds: float = strawberry.field(description="Its length.")
    usage: LiveUsage = strawberry.field(description="The model calls.")
    api: LiveApi = strawberry.field(description="The served API calls.")


@strawberry.type
class LiveMetricsSubscription:
    @strawberry.subscription(
        description="A gauge of the last moments: no cursor, the latest value wins.", extensions=[READS]
    )
    async def live_metrics(
        self,
        info: Info,
        window: Annotated[dt.timedelta, strawberry.argument(description="How far back: PT1S to PT1H.")],
        every: Annotated[dt.timedelta, strawberry.argument(description="How often: PT1S to PT1M.")],
        filter: Annotated[  # noqa: A002
            MetricsFilterInput | None, strawberry.argument(description="Only what matches; null for all.")
        ] = None,
    ) -> AsyncGenerator[LiveMetrics, None]:
        _between("window", window, LONGEST_WINDOW)
        _between("every", every, LONGEST_WAIT)
        kept = (filter or MetricsFilterInput()).resolve()
        project_id, database = info.context.principal.project_id, info.context.services.database
        async with database.read() as session:
            keys = [one.key for one in kept.attributes]
            await check_declared(session, project_id=project_id, keys=keys, field="filter.attributes")
        due = time.monotonic()
        while True:
            try:
                value = await _measure(database, project_id, window, kept)
            except Exception as error:
                if not database_is_down(error):
                    raise
                log.warning("no live figures: the database is down", error=repr(error))
            else:
                yield value
            due = max(due + every.total_seconds(), time.monotonic())
            await asyncio.sleep(due - time.monotonic())


async def _measure(database: Database, project_id: int, window: dt.timedelta, kept: MetricsFilter) -> LiveMetrics:
    now = dt.datetime.now(dt.UTC)
    period = Period(now - window, now, ZoneInfo("UTC"))
    sketches = frozenset({"latency", "subjects"})
    async with database.read() as session:
        snapshot = await take_snapshot(session, project_id=project_id, now=now)
        usage = cast("UsageFigures", await totals(session, Scope(snapshot, USAGE, period, kept), needs=sketches))
        api = cast("ApiFigures", await totals(session, Scope(snapshot, API, period, kept), needs=sketches))
    seconds = window.total_seconds()
    return LiveMetrics(
        time=now,
        window_seconds=seconds,
        usage=LiveUsage(
            requests_per_second=usage.requests / seconds,
            tokens_per_second=usage.tokens.total / seconds,
            cost_usd=usage.cost_usd,
            error_rate=usage.error_rate,
            active_subjects=usage.active_subjects,
            latency=Latency.of(usage.latency),
        ),
        api=LiveApi(
            requests_per_second=api.requests / seconds,
            error_rate=api.error_rate,
            active_subjects=api.active_subjects,
            latency=Latency.of(api.latency),
        ),
    )


def _between(name: str, value: dt.timedelta, longest: dt.timedelta) -> None:
    if not SHORTEST <= value <= longest:
        raise Invalid(f"`{name}` lies between PT1S and PT{longest // dt.timedelta(minutes=1)}M.", field=name)
