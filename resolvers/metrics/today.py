"""What projects have spent today, as Prometheus sees it. Every process shows the same figures."""

import datetime as dt
from collections import Counter
from typing import Final

from prometheus_client import Gauge
from sqlalchemy import and_, select

from models import Database, Project, UsageByTime
from models.rollups import DAY
from resolvers.metrics.figures import dollars

REFRESH_SECONDS: Final = 30.0
MOST_PROJECTS: Final = 100
OTHERS: Final = "(other)"

COST: Final = Gauge("vigie_usage_today_cost_usd", "What today's model calls (UTC) cost, in dollars.", ["project"])
REQUESTS: Final = Gauge("vigie_usage_today_requests", "Today's model calls (UTC).", ["project"])
TOKENS: Final = Gauge("vigie_usage_today_tokens", "Tokens of today's model calls (UTC).", ["project"])


async def show_today(database: Database, now: dt.datetime | None = None) -> None:
    """Brings the gauges up to date. The 100 oldest projects have series of their own, for they stay the same."""
    today = (now or dt.datetime.now(dt.UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    sums = UsageByTime
    tokens = (
        sums.uncached_tokens
        + sums.cache_read_tokens
        + sums.cache_write_tokens
        + sums.visible_tokens
        + sums.reasoning_tokens
    )
    of_today = and_(sums.project_id == Project.id, sums.grain == DAY, sums.bucket == today)
    async with database.read() as session:
        rows = await session.rows(
            select(Project.name, sums.requests, tokens, sums.cost_picousd)
            .outerjoin_from(Project, sums, of_today)
            .order_by(Project.id)
        )
    requests: Counter[str] = Counter()
    used: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    for place, (project, calls, spent, picousd) in enumerate(rows):
        name = project if place < MOST_PROJECTS else OTHERS
        requests[name] += calls or 0
        used[name] += spent or 0
        cost[name] += picousd or 0
    for name in requests:
        REQUESTS.labels(name).set(requests[name])
        TOKENS.labels(name).set(used[name])
        COST.labels(name).set(float(dollars(cost[name])))
