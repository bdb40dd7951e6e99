"""Prometheus sees what a project has spent today."""

import datetime as dt

from prometheus_client import REGISTRY

from integrations.prices import ListPrices
from models import Database, Project
from resolvers.events.writer import Writer
from resolvers.metrics.today import show_today
from resolvers.rollups.fold import fold
from tests.resolvers.events.events import send, usage


async def test_today_is_shown_by_project(database: Database, project: Project) -> None:
    now = dt.datetime.now(dt.UTC)
    writer = Writer(database, ListPrices())
    await writer.start()
    await send(
        writer,
        project.id,
        [
            usage(f"u{number}", time=now.isoformat(), model="gpt-4o", tokens={"input": 1000, "output": 10})
            for number in range(3)
        ],
    )
    await writer.stop()
    await fold(database, project.id)
    await show_today(database, now)

    def shown(figure: str) -> float | None:
        return REGISTRY.get_sample_value(f"vigie_usage_today_{figure}", {"project": project.name})

    assert shown("requests") == 3
    assert shown("tokens") == 3030
    assert (shown("cost_usd") or 0) > 0

    await show_today(database, now + dt.timedelta(days=1))
    assert (shown("requests"), shown("cost_usd")) == (0, 0)
