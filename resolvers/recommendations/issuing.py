"""How advice enters the ledger, whoever gives it: new advice is added, repeated advice updates what is there."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import and_, func, or_, select

from models import ReadSession, Recommendation, RecommendationKey, WriteSession
from resolvers.locks import lock_project
from resolvers.recommendations.targets import Target, digest
from resolvers.recommendations.telling import tell
from resolvers.recommendations.terms import Terms

RECORDED, GENERATED = "recorded", "generated"
OPEN = ("issued", "viewed")
NEWS: Final = 0.25
"""By which part of it an expected saving changes before the feed tells so."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What is advised. Texts fit the ledger already (`recording.check` refuses what does not).

    `target` says which calls it is about; without one these are the calls of `subject` (all calls when that is None
    too), and only advice of the same title repeats it. `evidence` is JSON: the query and the figures behind it, whose
    calls begin at `since`. `expires_at` None: by the terms. `idempotency_key` None: none.
    """

    kind: str
    title: str
    body: str | None = None
    subject: str | None = None
    target: Target | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    expected_monthly_saving_picousd: int | None = None
    confidence: float | None = None
    source: str = RECORDED
    since: dt.datetime | None = None
    expires_at: dt.datetime | None = None
    idempotency_key: str | None = None

    @property
    def target_key(self) -> str:
        """The same for advice of a kind that repeats this one."""
        if self.target is not None:
            return self.target.key
        return digest({"subject": self.subject, "title": " ".join(self.title.split()).casefold()})


async def issue(
    session: WriteSession, *, project_id: int, advice: Sequence[Advice], terms: Terms
) -> list[Recommendation]:
    """Puts advice into the ledger; answers the recommendation that each piece of it became, in order.

    A piece with an idempotency key that is known changes nothing. One of the same kind and target as a recommendation
    that is open, was dismissed recently, or was implemented, updates that one; its status stays. What was implemented
    is advised anew when it was measured, and the calls behind the advice all came after it.
    """
    now = dt.datetime.now(dt.UTC)
    await lock_project(session, project_id=project_id)
    known = await _known(session, project_id, advice)
    standing = await _standing(session, project_id, advice, terms, now)
    number = await session.scalar(select(func.max(Recommendation.id)).where(Recommendation.project_id == project_id))
    number = number or 0
    rows = []
    for piece in advice:
        row = known.get(piece.idempotency_key or "")
        if row is None:
            row = standing.get((piece.kind, piece.target_key))
            if row is None or _is_over(row, piece):
                number += 1
                row = _add(session, project_id, number, piece, terms, now)
                standing[piece.kind, piece.target_key] = row
            else:
                _update(session, row, piece, terms, now)
            if piece.idempotency_key is not None:
                known[piece.idempotency_key] = row
                key = RecommendationKey(project_id=project_id, key=piece.idempotency_key, recommendation_id=row.id)
                session.add(key)
        rows.append(row)
    return rows


async def _known(session: ReadSession, project_id: int, advice: Sequence[Advice]) -> dict[str, Recommendation]:
    """What advice with one of the idempotency keys became, by the key."""
    keys = {piece.idempotency_key for piece in advice if piece.idempotency_key is not None}
    if not keys:
        return {}
    rows = await session.rows(
        select(RecommendationKey.key, Recommendation)
        .join(
            Recommendation,
            and_(
                Recommendation.project_id == RecommendationKey.project_id,
                Recommendation.id == RecommendationKey.recommendation_id,
            ),
        )
        .where(RecommendationKey.project_id == project_id, RecommendationKey.key.in_(keys))
    )
    return dict(rows)


async def _standing(
    session: ReadSession, project_id: int, advice: Sequence[Advice], terms: Terms, now: dt.datetime
) -> dict[tuple[str, str], Recommendation]:
    """The newest recommendation that stands for each kind and target of the advice, locked."""
    stands = or_(
        Recommendation.status.in_(OPEN),
        and_(Recommendation.status == "dismissed", Recommendation.dismissed_at > now - terms.silent_for),
        Recommendation.status == "implemented",
    )
    rows = await session.scalars(
        select(Recommendation)
        .where(
            Recommendation.project_id == project_id,
            Recommendation.kind.in_({piece.kind for piece in advice}),
            Recommendation.target_key.in_({piece.target_key for piece in advice}),
            stands,
        )
        .order_by(Recommendation.id)
        .with_for_update()
    )
    return {(row.kind, row.target_key): row for row in rows}


def _is_over(row: Recommendation, advice: Advice) -> bool:
    """Whether what was implemented and measured does not answer the advice any more."""
    if row.effect_state in (None, "pending") or row.implemented_at is None:
        return False
    return advice.since is None or advice.since >= row.implemented_at


def _add(
    session: WriteSession, project_id: int, number: int, advice: Advice, terms: Terms, now: dt.datetime
) -> Recommendation:
    target = advice.target or Target(subject=advice.subject)
    expires_at = advice.expires_at or now + terms.open_for
    row = Recommendation(
        project_id=project_id,
        id=number,
        kind=advice.kind,
        target_key=advice.target_key,
        target=target.to_json(),
        title=advice.title,
        body=advice.body,
        subject=advice.subject,
        source=advice.source,
        confidence=advice.confidence,
        evidence=dict(advice.evidence),
        expected_monthly_saving_picousd=advice.expected_monthly_saving_picousd,
        status="issued",
        times_issued=1,
        created_at=now,
        updated_at=now,
        expires_at=expires_at,
        viewed_at=None,
        implemented_at=None,
        reported_at=None,
        dismissed_at=None,
        dismiss_reason=None,
        expired_at=None,
        due_at=expires_at,
        effect_state=None,
        effect=None,
        effect_seq=None,
        measured_monthly_saving_picousd=None,
    )
    session.add(row)
    tell(session, row, "issued", now=now)
    return row


def _update(session: WriteSession, row: Recommendation, advice: Advice, terms: Terms, now: dt.datetime) -> None:
    """Brings a recommendation up to the advice that repeats it; what was measured, or is being so, keeps its words."""
    row.times_issued += 1
    row.updated_at = now
    if row.status == "implemented":
        return
    news = _is_news(row, advice)
    row.title, row.body, row.source, row.confidence = advice.title, advice.body, advice.source, advice.confidence
    row.evidence = dict(advice.evidence)
    row.expected_monthly_saving_picousd = advice.expected_monthly_saving_picousd
    if advice.target is not None:
        row.target = advice.target.to_json()
    if row.status in OPEN:
        row.expires_at = row.due_at = advice.expires_at or now + terms.open_for
        if news:
            tell(session, row, "updated", now=now)


def _is_news(row: Recommendation, advice: Advice) -> bool:
    """Whether advice says something else. Vigie's own is given daily, with slightly other figures in its words."""
    before, after = row.expected_monthly_saving_picousd or 0, advice.expected_monthly_saving_picousd or 0
    reworded = advice.source == RECORDED and (row.title, row.body) != (advice.title, advice.body)
    aimed = advice.target is not None and advice.target.to_json() != row.target
    return reworded or aimed or abs(after - before) > NEWS * before
