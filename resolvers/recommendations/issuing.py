"""How advice enters the ledger, whoever gives it: new advice is added, repeated advice updates what is there."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, func, or_, select

from models import Project, ReadSession, Recommendation, WriteSession
from resolvers.recommendations.targets import Target, digest
from resolvers.recommendations.telling import tell
from resolvers.recommendations.terms import Terms

RECORDED, GENERATED = "recorded", "generated"
OPEN = ("issued", "viewed")


@dataclass(frozen=True, slots=True)
class Advice:
    """What is advised. Texts fit the ledger already (`recording.check` refuses what does not).

    `target` says which calls it is about; without one these are the calls of `subject` (all calls when that is None
    too), and only advice of the same title repeats it. `evidence` is JSON: the query and the figures behind it.
    `expires_at` None: by the terms. `idempotency_key` None: none.
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
    that is open, was dismissed recently, or is implemented and not measured yet, updates that one; its status stays.
    """
    now = dt.datetime.now(dt.UTC)
    await lock_ledger(session, project_id=project_id)
    return [await _issue_one(session, project_id, piece, terms, now) for piece in advice]


async def lock_ledger(session: WriteSession, *, project_id: int) -> None:
    """Additions to the ledger of one project come one after the other: numbers and repeats depend on it."""
    await session.execute(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True))


async def _issue_one(
    session: WriteSession, project_id: int, advice: Advice, terms: Terms, now: dt.datetime
) -> Recommendation:
    if advice.idempotency_key is not None:
        known = await session.scalar(
            select(Recommendation).where(
                Recommendation.project_id == project_id, Recommendation.idempotency_key == advice.idempotency_key
            )
        )
        if known is not None:
            return known
    repeated = await _repeated(session, project_id, advice, terms, now)
    if repeated is not None:
        _update(session, repeated, advice, terms, now)
        await session.flush()
        return repeated
    row = await _add(session, project_id, advice, terms, now)
    await session.flush()
    return row


async def _repeated(
    session: ReadSession, project_id: int, advice: Advice, terms: Terms, now: dt.datetime
) -> Recommendation | None:
    """The newest recommendation that the advice repeats."""
    stands = or_(
        Recommendation.status.in_(OPEN),
        and_(Recommendation.status == "dismissed", Recommendation.dismissed_at > now - terms.silent_for),
        and_(Recommendation.status == "implemented", Recommendation.effect_state == "pending"),
    )
    return await session.scalar(
        select(Recommendation)
        .where(
            Recommendation.project_id == project_id,
            Recommendation.kind == advice.kind,
            Recommendation.target_key == advice.target_key,
            stands,
        )
        .order_by(Recommendation.id.desc())
        .limit(1)
        .with_for_update()
    )


async def _add(
    session: WriteSession, project_id: int, advice: Advice, terms: Terms, now: dt.datetime
) -> Recommendation:
    last_id = await session.scalar(select(func.max(Recommendation.id)).where(Recommendation.project_id == project_id))
    target = advice.target or Target(subject=advice.subject)
    expires_at = advice.expires_at or now + terms.open_for
    row = Recommendation(
        project_id=project_id,
        id=(last_id or 0) + 1,
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
        idempotency_key=advice.idempotency_key,
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
    said = _said(row)
    row.title, row.body, row.source, row.confidence = advice.title, advice.body, advice.source, advice.confidence
    row.evidence = dict(advice.evidence)
    row.expected_monthly_saving_picousd = advice.expected_monthly_saving_picousd
    if advice.target is not None:
        row.target = advice.target.to_json()
    if row.status in OPEN:
        row.expires_at = row.due_at = advice.expires_at or now + terms.open_for
        if _said(row) != said:
            tell(session, row, "updated", now=now)


def _said(row: Recommendation) -> tuple[object, ...]:
    return row.title, row.body, row.confidence, row.expected_monthly_saving_picousd
