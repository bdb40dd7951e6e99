"""Recommendations as they are read: by number, and in pages, the newest first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, func, literal, select, tuple_

from models import ReadSession, Recommendation
from resolvers.facts import among


@dataclass(frozen=True, slots=True)
class RecommendationFilter:
    """Each list keeps those with one of its values; an empty one keeps all."""

    kinds: Sequence[str] = ()
    statuses: Sequence[str] = ()
    subjects: Sequence[str] = ()

    def conditions(self, project_id: int) -> list[ColumnElement[bool]]:
        """The rows meant. Raises Invalid past 1,000 values a list."""
        return [
            Recommendation.project_id == project_id,
            *among(Recommendation.kind, self.kinds),
            *among(Recommendation.status, self.statuses),
            *among(Recommendation.subject, self.subjects),
        ]


async def get_recommendation(session: ReadSession, *, project_id: int, number: int) -> Recommendation | None:
    """The recommendation of that number in the project."""
    return await session.scalar(
        select(Recommendation).where(Recommendation.project_id == project_id, Recommendation.id == number)
    )


async def list_recommendations(
    session: ReadSession, *, project_id: int, kept: RecommendationFilter, limit: int, before: int | None
) -> Sequence[Recommendation]:
    """At most `limit` of them, the newest first, from those older than number `before`."""
    rows = select(Recommendation).where(*kept.conditions(project_id)).order_by(Recommendation.id.desc()).limit(limit)
    return await session.scalars(
        rows if before is None else rows.where(Recommendation.id < literal(before, BigInteger))
    )


async def count_recommendations(session: ReadSession, *, project_id: int, kept: RecommendationFilter) -> int:
    """How many the filter keeps."""
    return await session.scalar(select(func.count()).where(*kept.conditions(project_id))) or 0


async def recommendations_by_number(
    session: ReadSession, keys: Collection[tuple[int, int]]
) -> dict[tuple[int, int], Recommendation]:
    """The recommendations with these project ids and numbers."""
    rows = await session.scalars(
        select(Recommendation).where(tuple_(Recommendation.project_id, Recommendation.id).in_(list(keys)))
    )
    return {(row.project_id, row.id): row for row in rows}
