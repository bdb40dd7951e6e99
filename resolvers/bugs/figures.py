"""The bugs of the installation as Prometheus sees them. Every process shows the same figures."""

from typing import Final

from prometheus_client import Gauge
from sqlalchemy import func, select

from models import Bug, Database
from models.bugs import SEVERITIES, STATUSES

REFRESH_SECONDS: Final = 15.0

BUGS: Final = Gauge("vigie_bugs", "Bugs of all projects, by severity and status.", ["severity", "status"])


async def show_bugs(database: Database) -> None:
    """Brings the gauge up to date, by one statement that an index answers."""
    counted = select(Bug.severity, Bug.status, func.count()).group_by(Bug.severity, Bug.status)
    async with database.read() as session:
        rows = await session.rows(counted)
    counts = {(severity, status): count for severity, status, count in rows}
    for severity in SEVERITIES:
        for status in STATUSES:
            BUGS.labels(severity, status).set(counts.get((severity, status), 0))
