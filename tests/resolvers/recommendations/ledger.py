"""A ledger of recommendations for tests, and the job that looks at it."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select

from models import Activity, Database, Project, Recommendation
from realtime.facts import Fact
from resolvers.recommendations.effects import Effect, effect_of
from resolvers.recommendations.issuing import Advice, issue
from resolvers.recommendations.job import sweep
from resolvers.recommendations.life import implement
from resolvers.recommendations.listing import get_recommendation
from resolvers.recommendations.targets import Target
from resolvers.recommendations.terms import Terms
from tests.realtime.log import commit, make_months

TERMS = Terms()
LATER = dt.timedelta(seconds=10)


async def issued(database: Database, project: Project, *advice: Advice, terms: Terms = TERMS) -> list[Recommendation]:
    """What pieces of advice became, given together."""
    async with database.write() as session:
        return await issue(session, project_id=project.id, advice=advice, terms=terms)


async def found(database: Database, row: Recommendation) -> Recommendation:
    """The recommendation as it is now."""
    async with database.read() as session:
        now = await get_recommendation(session, project_id=row.project_id, number=row.id)
    assert now is not None
    return now


async def told(database: Database, row: Recommendation) -> list[str]:
    """What the feed says of a recommendation, in order."""
    async with database.read() as session:
        names = await session.scalars(
            select(Activity.name)
            .where(Activity.project_id == row.project_id, Activity.node_key == str(row.id))
            .order_by(Activity.seq)
        )
    return [name.removeprefix("recommendation.") for name in names]


async def store(database: Database, facts: Sequence[Fact]) -> None:
    """Commits calls, a thousand at a time."""
    await make_months(database, *{fact.time.replace(day=1) for fact in facts})
    for start in range(0, len(facts), 1000):
        await commit(database, facts[start : start + 1000])


async def implemented(
    database: Database, project: Project, middle: dt.datetime, kind: str, target: Target
) -> Recommendation:
    """A recommendation that was followed at `middle`."""
    (row,) = await issued(database, project, Advice(kind=kind, title="Do it", target=target))
    async with database.write() as session:
        return await implement(
            session, project_id=project.id, number=row.id, implemented_at=middle, actor="tests", terms=TERMS
        )


async def swept(database: Database, row: Recommendation, now: dt.datetime | None = None) -> Effect:
    """The effect after a sweep, by default at a time when nothing comes in any more."""
    await sweep(database, TERMS, now=now or dt.datetime.now(dt.UTC) + LATER)
    effect = effect_of(await found(database, row))
    assert effect is not None
    return effect
