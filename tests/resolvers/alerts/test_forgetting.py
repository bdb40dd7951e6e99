"""What is kept for previews and explanations ends, however much of it there is."""

import datetime as dt

from sqlalchemy import func, select

from models import AlertEvaluation, Database, Project, Sample
from resolvers.alerts.forgetting import forget
from resolvers.alerts.samples import NOBODY
from resolvers.removal import AT_ONCE

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


async def test_samples_and_evaluations_end_in_batches(database: Database, project: Project) -> None:
    many = AT_ONCE + 1

    def evaluation(ago: dt.timedelta) -> AlertEvaluation:
        return AlertEvaluation(
            project_id=project.id, rule_id=1, instance="", time=NOW - ago, alert_id=1, outcome="breached", threshold=1.0
        )

    def sample(ago: dt.timedelta) -> Sample:
        return Sample(project_id=NOBODY, metric="SOCKETS", time=NOW - ago, process="a", value=1.0)

    async with database.write() as session:
        for number in range(many):
            session.add(evaluation(dt.timedelta(days=94, seconds=15 * number)))
        for row in (evaluation(dt.timedelta(days=92)), sample(dt.timedelta(days=33)), sample(dt.timedelta(days=31))):
            session.add(row)
    assert await forget(database, now=NOW) == many + 1
    async with database.read() as reading:
        for model in (AlertEvaluation, Sample):
            assert await reading.scalar(select(func.count()).select_from(model)) == 1
