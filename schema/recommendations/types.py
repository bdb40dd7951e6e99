"""Recommendations and their effects, as clients see them."""

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Self

import strawberry

from models import Recommendation as RecommendationRow
from models.base import PICODOLLARS
from resolvers.recommendations.effects import Effect, Figures, effect_of
from resolvers.recommendations.targets import Target
from schema.ids import Node, encode_id
from schema.scalars import JSON, BigInt


@strawberry.enum(description="What has become of a recommendation.")
class RecommendationStatus(Enum):
    ISSUED = strawberry.enum_value("issued", description="Nobody has seen it yet.")
    VIEWED = strawberry.enum_value("viewed", description="Somebody has seen it.")
    IMPLEMENTED = strawberry.enum_value("implemented", description="It was done; its effect is measured.")
    DISMISSED = strawberry.enum_value("dismissed", description="It will not be done, for a reason.")
    EXPIRED = strawberry.enum_value("expired", description="Its time was over before anybody decided.")


@strawberry.enum(description="Who gave a recommendation.")
class RecommendationSource(Enum):
    RECORDED = strawberry.enum_value("recorded", description="The monitored product, or a person.")
    GENERATED = strawberry.enum_value("generated", description="Vigie, from the project's own data.")


@strawberry.enum(description="How far the measuring of an effect is.")
class EffectState(Enum):
    PENDING = strawberry.enum_value("pending", description="The time after is not over yet, or its calls are missing.")
    MEASURED = strawberry.enum_value("measured", description="Before and after were compared.")
    INCONCLUSIVE = strawberry.enum_value("inconclusive", description="They cannot be compared: see `reason`.")


@strawberry.enum(description="What is compared, so that more or less traffic is no effect.")
class EffectBasis(Enum):
    REQUEST = strawberry.enum_value("request", description="What a request costs.")
    TRACE = strawberry.enum_value(
        "trace",
        description="What a trace costs (or a request without one, with those that failed): for `RETRY_STORM`.",
    )
    FAILURE = strawberry.enum_value(
        "failure", description="What failed requests cost, for each of all requests: for `ERROR_PRONE`."
    )
    DAY = strawberry.enum_value("day", description="What a day costs: for `IDLE_SUBJECT`.")


@strawberry.type(description="The target's calls of one of the two times that are compared.")
class EffectFigures:
    requests: BigInt = strawberry.field(description="The target's calls.")
    units: BigInt = strawberry.field(description="What their cost is spread over: so many requests, traces or days.")
    cost_usd: Decimal | None = strawberry.field(description="The mean cost of these; null without any, or prices.")
    error_rate: float | None = strawberry.field(description="The share of the calls that failed; null without any.")
    mean_ms: float | None = strawberry.field(description="Their mean duration; null without any.")

    @classmethod
    def of(cls, figures: Figures) -> Self:
        return cls(
            requests=figures.requests,
            units=figures.units,
            cost_usd=figures.unit_cost_usd,
            error_rate=figures.error_rate,
            mean_ms=figures.mean_ms,
        )


@strawberry.type(description="What a recommendation did: equal times before and after it was implemented, compared.")
class RecommendationEffect:
    state: EffectState = strawberry.field(description="How far the measuring is.")
    reason: str | None = strawberry.field(description="Why nothing can be said; null unless inconclusive.")
    basis: EffectBasis | None = strawberry.field(description="What is compared; null while pending.")
    window: dt.timedelta | None = strawberry.field(description="The length of each time; null while pending.")
    before: EffectFigures | None = strawberry.field(description="The time that ended then; null while pending.")
    after: EffectFigures | None = strawberry.field(description="The time that began then; null while pending.")
    measured_monthly_saving_usd: Decimal | None = strawberry.field(
        description="The difference of the mean costs × units a day after × 30.4375, negative when it costs more; "
        "null unless measured, and for API calls, which have no cost."
    )
    measured_at: dt.datetime | None = strawberry.field(
        description="When it was measured last: events that come late are still taken in. Null while pending."
    )

    @classmethod
    def of(cls, effect: Effect) -> Self:
        return cls(
            state=EffectState(effect.state),
            reason=effect.reason,
            basis=None if effect.basis is None else EffectBasis(effect.basis),
            window=effect.window,
            before=None if effect.before is None else EffectFigures.of(effect.before),
            after=None if effect.after is None else EffectFigures.of(effect.after),
            measured_monthly_saving_usd=effect.monthly_saving_usd,
            measured_at=effect.measured_at,
        )


@strawberry.type(description="The calls that a recommendation is about: those with all of these values, null for any.")
class RecommendationTarget:
    provider: str | None = strawberry.field(description="The provider of the model.")
    model: str | None = strawberry.field(description="The model.")
    operation: str | None = strawberry.field(description="The operation.")
    subject: str | None = strawberry.field(description="Whom the calls were made for.")
    environment: str | None = strawberry.field(description="The environment.")
    route: str | None = strawberry.field(description="The route template: then these are API calls.")
    attributes: JSON = strawberry.field(description="An object with the attributes that the model calls carry.")
    alternative_provider: str | None = strawberry.field(description="The provider of the model advised instead.")
    alternative_model: str | None = strawberry.field(description="The model advised instead.")

    @classmethod
    def of(cls, target: Target) -> Self:
        return cls(
            provider=target.provider,
            model=target.model,
            operation=target.operation,
            subject=target.subject,
            environment=target.environment,
            route=target.route,
            attributes=dict(target.attributes),
            alternative_provider=target.alternative_provider,
            alternative_model=target.alternative_model,
        )


@strawberry.type(description="A piece of advice, what became of it, and what it saved.")
class Recommendation(Node):
    kind: str = strawberry.field(description="What kind of advice it is, such as `CHEAPER_MODEL`.")
    title: str = strawberry.field(description="The advice, in a line.")
    body: str | None = strawberry.field(description="The advice at length, in Markdown.")
    subject: str | None = strawberry.field(description="Whom it is for.")
    target: RecommendationTarget = strawberry.field(description="The calls that it is about.")
    source: RecommendationSource = strawberry.field(description="Who gave it.")
    confidence: float | None = strawberry.field(description="How sure the giver was, from 0 to 1.")
    evidence: JSON = strawberry.field(description="An object with the query and the figures behind it.")
    expected_monthly_saving_usd: Decimal | None = strawberry.field(description="What it is expected to save a month.")
    status: RecommendationStatus = strawberry.field(description="What has become of it.")
    times_issued: int = strawberry.field(description="How often it was given: repeated advice is one recommendation.")
    created_at: dt.datetime = strawberry.field(description="When it was first given.")
    updated_at: dt.datetime = strawberry.field(description="When it was last given or changed.")
    expires_at: dt.datetime = strawberry.field(description="When it expires, if nobody decides before.")
    viewed_at: dt.datetime | None = strawberry.field(description="When it was first seen.")
    implemented_at: dt.datetime | None = strawberry.field(description="When it was done.")
    dismissed_at: dt.datetime | None = strawberry.field(description="When it was decided that it will not be done.")
    dismiss_reason: str | None = strawberry.field(description="Why it will not be done.")
    expired_at: dt.datetime | None = strawberry.field(description="When it expired.")
    effect: RecommendationEffect | None = strawberry.field(description="What it did; null until it is implemented.")

    @classmethod
    def of(cls, row: RecommendationRow) -> Self:
        expected, effect = row.expected_monthly_saving_picousd, effect_of(row)
        return cls(
            id=encode_id("Recommendation", row.project_id, row.id),
            kind=row.kind,
            title=row.title,
            body=row.body,
            subject=row.subject,
            target=RecommendationTarget.of(Target.from_json(row.target)),
            source=RecommendationSource(row.source),
            confidence=row.confidence,
            evidence=row.evidence,
            expected_monthly_saving_usd=None if expected is None else Decimal(expected) / PICODOLLARS,
            status=RecommendationStatus(row.status),
            times_issued=row.times_issued,
            created_at=row.created_at,
            updated_at=row.updated_at,
            expires_at=row.expires_at,
            viewed_at=row.viewed_at,
            implemented_at=row.implemented_at,
            dismissed_at=row.dismissed_at,
            dismiss_reason=row.dismiss_reason,
            expired_at=row.expired_at,
            effect=None if effect is None else RecommendationEffect.of(effect),
        )
