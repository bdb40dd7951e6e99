"""What clients send about recommendations."""

import datetime as dt
from decimal import Decimal

import strawberry

from resolvers.recommendations.listing import RecommendationFilter
from resolvers.recommendations.recording import MOST_ITEMS, Item
from resolvers.recommendations.targets import Target
from schema.recommendations.types import RecommendationStatus
from schema.scalars import JSON


@strawberry.input(
    name="RecommendationFilter",
    description="Keeps those that have one of the values of each list; an empty one keeps all.",
)
class RecommendationFilterInput:
    kinds: list[str] | None = strawberry.field(default=None, description="Kinds, at most 1,000.")
    statuses: list[RecommendationStatus] | None = strawberry.field(
        default=None, description="What has become of it, at most 1,000."
    )
    subjects: list[str] | None = strawberry.field(default=None, description="Whom it is for, at most 1,000.")

    def resolve(self) -> RecommendationFilter:
        """The filter meant."""
        return RecommendationFilter(
            kinds=self.kinds or (),
            statuses=[str(status.value) for status in self.statuses or ()],
            subjects=self.subjects or (),
        )


@strawberry.input(
    description="The calls that a recommendation is about, with its subject: those with all of these values, null for "
    "any. Model calls, or with a `route` API calls. Advice of the same kind about the same calls is one recommendation."
)
class RecommendationTargetInput:
    provider: str | None = strawberry.field(default=None, description="The provider of the model.")
    model: str | None = strawberry.field(default=None, description="The model.")
    operation: str | None = strawberry.field(default=None, description="The operation.")
    environment: str | None = strawberry.field(default=None, description="The environment.")
    route: str | None = strawberry.field(default=None, description="The route template.")
    attributes: JSON | None = strawberry.field(
        default=None, description="An object of at most 8 attributes that the model calls carry, with texts as values."
    )
    alternative_provider: str | None = strawberry.field(
        default=None, description="The provider of the model advised instead."
    )
    alternative_model: str | None = strawberry.field(default=None, description="The model advised instead.")

    def resolve(self) -> Target:
        """The target meant, unchecked; attributes aside."""
        return Target(
            provider=self.provider,
            model=self.model,
            operation=self.operation,
            environment=self.environment,
            route=self.route,
            alternative_provider=self.alternative_provider,
            alternative_model=self.alternative_model,
        )


@strawberry.input(description="A piece of advice.")
class RecordRecommendationInput:
    kind: str = strawberry.field(description="What kind of advice it is: 1 to 64 characters, such as `CHEAPER_MODEL`.")
    title: str = strawberry.field(description="The advice, in a line: 1 to 200 characters.")
    body: str | None = strawberry.field(
        default=None, description="The advice at length, in Markdown: up to 20,000 characters."
    )
    subject: str | None = strawberry.field(default=None, description="Whom it is for: up to 1,024 characters.")
    confidence: float | None = strawberry.field(default=None, description="How sure you are, from 0 to 1.")
    expected_monthly_saving_usd: Decimal | None = strawberry.field(
        default=None, description="What you expect it to save a month: 0 to 1,000,000,000."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Up to 200 characters: sent again with the same key, it answers what the first one became, "
        "unchanged.",
    )
    target: RecommendationTargetInput | None = strawberry.field(
        default=None,
        description="The calls that it is about; null: all model calls of the subject. Without it, only advice of the "
        "same kind, subject and title is repeated advice.",
    )
    evidence: JSON | None = strawberry.field(
        default=None, description="An object with the query and the figures behind it: up to 32 KiB."
    )
    expires_at: dt.datetime | None = strawberry.field(
        default=None, description="When it expires if nobody decides before; null: after the time that is set."
    )

    def resolve(self) -> Item:
        """The item meant, unchecked."""
        target = self.target
        return Item(
            kind=self.kind,
            title=self.title,
            body=self.body,
            subject=self.subject,
            confidence=self.confidence,
            expected_monthly_saving_usd=self.expected_monthly_saving_usd,
            idempotency_key=self.idempotency_key,
            target=None if target is None else target.resolve(),
            attributes=None if target is None else target.attributes,
            evidence=self.evidence,
            expires_at=self.expires_at,
        )


@strawberry.input(description="Advice, many pieces at a time.")
class RecordRecommendationsInput:
    recommendations: list[RecordRecommendationInput] = strawberry.field(description=f"At most {MOST_ITEMS} pieces.")


@strawberry.input(description="The recommendation that somebody has seen.")
class MarkRecommendationViewedInput:
    id: strawberry.ID = strawberry.field(description="The recommendation's `id`.")


@strawberry.input(description="The recommendation that was done.")
class ImplementRecommendationInput:
    id: strawberry.ID = strawberry.field(description="The recommendation's `id`.")
    implemented_at: dt.datetime | None = strawberry.field(
        default=None, description="When it was done, not in the future; null: now. Its effect is measured around it."
    )


@strawberry.input(description="The recommendation that will not be done.")
class DismissRecommendationInput:
    id: strawberry.ID = strawberry.field(description="The recommendation's `id`.")
    reason: str = strawberry.field(description="Why not: 1 to 2,000 characters.")
