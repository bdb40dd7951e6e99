"""Subjects, listed: those that have calls, and those that have a profile."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select, union

from models import ApiCall, ReadSession, Subject, SubjectProfile, UsageEvent
from resolvers.metrics.breakdowns import counted
from resolvers.metrics.figures import Figures, figures_of
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.scopes import Scope
from resolvers.metrics.snapshots import Snapshot


async def list_subjects(
    session: ReadSession,
    snapshot: Snapshot,
    *,
    limit: int,
    after: str | None = None,
    search: str | None = None,
    located: bool | None = None,
) -> Sequence[str]:
    """At most `limit` names behind `after`, in their order; `search` is in the name or the label, in any case.

    `located` keeps those that have coordinates, or those that have none.
    """
    names = _named(snapshot, search, located)
    if after is not None:
        names = names.where(names.selected_columns[0] > after)
    rows = await session.rows(names.order_by(names.selected_columns[0]).limit(limit))
    return [row[0] for row in rows]


async def count_subjects(
    session: ReadSession, snapshot: Snapshot, *, search: str | None = None, located: bool | None = None
) -> int:
    """How many there are."""
    return await session.scalar(select(func.count()).select_from(_named(snapshot, search, located).subquery())) or 0


async def figures_by_subject(session: ReadSession, scope: Scope, names: Sequence[str]) -> dict[str, Figures]:
    """The sums of each of these subjects over a scope's period; zeros for those without calls."""
    period = (scope.period.start, scope.period.end)
    question = Question(scope.block, period, scope.columns, by="subject", keys=tuple(names))
    found = {key: reading for (_, key), reading in (await read(session, scope.snapshot, question)).items()}
    readings = [found.get(name) or Reading.empty(scope.block) for name in names]
    made = await figures_of(session, scope, readings)
    return {
        name: counted("subject", figures, [name] if name in found else [])
        for name, figures in zip(names, made, strict=True)
    }


def _named(snapshot: Snapshot, search: str | None, located: bool | None) -> Any:
    """The names, each with its label: numbered ones, those of the tail that have no number yet, and profiles."""
    project_id = snapshot.project_id
    of_project = Subject.project_id == project_id
    known: list[Any] = [select(Subject.name).where(of_project)]
    known.append(select(SubjectProfile.name).where(SubjectProfile.project_id == project_id))
    if tail := snapshot.tails.get("series"):
        known += [
            select(facts.subject).where(
                facts.project_id == project_id,
                facts.seq > tail.after_seq,
                facts.seq <= snapshot.last_seq,
                facts.subject.is_not(None),
            )
            for facts in (UsageEvent, ApiCall)
        ]
    every = union(*known).subquery("every_name")
    name = every.c[0]
    own = (SubjectProfile.project_id == project_id) & (SubjectProfile.name == name)
    names = select(name).select_from(every).outerjoin(SubjectProfile, own)
    if search:
        names = names.where(
            or_(name.icontains(search, autoescape=True), SubjectProfile.label.icontains(search, autoescape=True))
        )
    if located is not None:
        names = names.where(SubjectProfile.latitude.is_not(None) if located else SubjectProfile.latitude.is_(None))
    return names
