"""Advice that the monitored product gives: checked item by item, then issued."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from models import Recommendation, WriteSession
from models.base import PICODOLLARS
from resolvers.errors import Invalid, LimitReached
from resolvers.recommendations.issuing import Advice, issue
from resolvers.recommendations.targets import Target
from resolvers.recommendations.terms import Terms
from resolvers.texts import check_json, check_optional_text, check_text

MOST_ITEMS: Final = 500
MOST_USD: Final = 1_000_000_000
KIND, TITLE, BODY, NAME, SUBJECT, ROUTE, KEY = 64, 200, 20_000, 256, 1024, 2048, 200
ATTRIBUTES: Final = 8
EVIDENCE_KIB: Final = 32
LONGEST: Final = dt.timedelta(days=3660)
_PICODOLLAR: Final = Decimal(1).scaleb(-12)


@dataclass(frozen=True, slots=True)
class Item:
    """A recommendation as it was sent, unchecked. `evidence` is any JSON, `attributes` of the target too."""

    kind: str
    title: str
    body: str | None = None
    subject: str | None = None
    confidence: float | None = None
    expected_monthly_saving_usd: Decimal | None = None
    idempotency_key: str | None = None
    target: Target | None = None
    attributes: Any = None
    evidence: Any = None
    expires_at: dt.datetime | None = None


async def record(
    session: WriteSession, *, project_id: int, items: Sequence[Item], terms: Terms
) -> list[Recommendation | Invalid]:
    """What became of each item, in order: the recommendation, or why it is refused (`field` inside the item).

    Raises LimitReached for more than 500 items.
    """
    if len(items) > MOST_ITEMS:
        raise LimitReached(
            f"At most {MOST_ITEMS} recommendations at a time, not {len(items)}.", field="recommendations"
        )
    now = dt.datetime.now(dt.UTC)
    checked = [_checked(item, now) for item in items]
    advice = [outcome for outcome in checked if isinstance(outcome, Advice)]
    rows = iter(await issue(session, project_id=project_id, advice=advice, terms=terms) if advice else [])
    return [next(rows) if isinstance(outcome, Advice) else outcome for outcome in checked]


def _checked(item: Item, now: dt.datetime) -> Advice | Invalid:
    try:
        return advice_of(item, now=now)
    except Invalid as refusal:
        return refusal


def advice_of(item: Item, *, now: dt.datetime) -> Advice:
    """The advice that an item gives. Raises Invalid that names the field."""
    if item.confidence is not None and not 0 <= item.confidence <= 1:
        raise Invalid("`confidence` lies between 0 and 1.", field="confidence")
    if item.expires_at is not None and not now < item.expires_at <= now + LONGEST:
        raise Invalid("`expiresAt` lies in the future, at most ten years ahead.", field="expiresAt")
    subject = check_optional_text(item.subject, field="subject", most=SUBJECT)
    return Advice(
        kind=check_text(item.kind, field="kind", most=KIND),
        title=check_text(item.title, field="title", most=TITLE),
        body=check_optional_text(item.body, field="body", most=BODY),
        subject=subject,
        target=None if item.target is None else _target(item.target, item.attributes, subject),
        evidence=_evidence(item.evidence),
        expected_monthly_saving_picousd=_picodollars(item.expected_monthly_saving_usd),
        confidence=item.confidence,
        expires_at=item.expires_at,
        idempotency_key=check_optional_text(item.idempotency_key, field="idempotencyKey", most=KEY),
    )


def _target(sent: Target, attributes: Any, subject: str | None) -> Target:
    """The target as it is stored: that of the item's subject. Raises Invalid when a part of it is none."""

    def name(text: str | None, field: str, most: int = NAME) -> str | None:
        return check_optional_text(text, field=f"target.{field}", most=most)

    if sent.route is not None and (sent.model or sent.provider or sent.operation or sent.alternative_model):
        raise Invalid("A target is either API calls (`route`) or model calls, not both.", field="target.route")
    return replace(
        sent,
        provider=name(sent.provider, "provider"),
        model=name(sent.model, "model"),
        operation=name(sent.operation, "operation"),
        subject=subject,
        environment=name(sent.environment, "environment"),
        route=name(sent.route, "route", ROUTE),
        attributes=_attributes(attributes),
        alternative_provider=name(sent.alternative_provider, "alternativeProvider"),
        alternative_model=name(sent.alternative_model, "alternativeModel"),
    )


def _attributes(sent: Any) -> tuple[tuple[str, str], ...]:
    if sent is None:
        return ()
    texts = isinstance(sent, dict) and all(isinstance(value, str) for value in sent.values())
    if not texts or len(sent) > ATTRIBUTES:
        raise Invalid(
            f"`attributes` is an object of at most {ATTRIBUTES} attributes, with texts as values.",
            field="target.attributes",
        )
    at = "target.attributes"
    return tuple(
        sorted((check_text(key, field=at, most=NAME), check_text(sent[key], field=at, most=SUBJECT)) for key in sent)
    )


def _evidence(sent: Any) -> dict[str, Any]:
    if sent is None:
        return {}
    if not isinstance(sent, dict):
        raise Invalid("`evidence` is a JSON object.", field="evidence")
    checked: dict[str, Any] = check_json(sent, field="evidence", most_kib=EVIDENCE_KIB)
    return checked


def _picodollars(dollars: Decimal | None) -> int | None:
    if dollars is None:
        return None
    if not 0 <= dollars <= MOST_USD:
        raise Invalid(f"`expectedMonthlySavingUsd` lies between 0 and {MOST_USD:,}.", field="expectedMonthlySavingUsd")
    return int(dollars.quantize(_PICODOLLAR) * PICODOLLARS)
