"""Recommendations: their list, and the mutations that record them and tell what became of them."""

import re
from typing import Annotated, Any, Self

import strawberry

from models import Recommendation as RecommendationRow
from resolvers.errors import Invalid, NotFound, Refusal
from resolvers.recommendations import life
from resolvers.recommendations.listing import RecommendationFilter, count_recommendations, list_recommendations
from resolvers.recommendations.recording import MOST_ITEMS, Item, record
from schema.context import Info
from schema.guards import EDITS, READS, SENDS
from schema.ids import own_key
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload, UserError
from schema.recommendations.inputs import (
    DismissRecommendationInput,
    ImplementRecommendationInput,
    MarkRecommendationViewedInput,
    RecommendationFilterInput,
    RecordRecommendationInput,
    RecordRecommendationsInput,
)
from schema.recommendations.types import Recommendation
from schema.selections import selected

PLACE = "recommendations"
NUMBER = re.compile("[1-9][0-9]{0,8}")


@strawberry.type(description="The recommendation as it is now.")
class RecommendationPayload(Payload):
    recommendation: Recommendation | None = strawberry.field(
        default=None, description="The recommendation as it is now; null when refused, but for a conflict."
    )

    @classmethod
    def of(cls, row: RecommendationRow) -> Self:
        return cls(recommendation=Recommendation.of(row))

    @classmethod
    def shown(cls, current: RecommendationRow) -> dict[str, Recommendation]:
        return {"recommendation": Recommendation.of(current)}


@strawberry.type(description="What the advice became.")
class RecordRecommendationPayload(RecommendationPayload):
    pass


@strawberry.type(description="What the pieces of advice became: the good ones are recorded, whatever the others are.")
class RecordRecommendationsPayload(Payload):
    recommendations: list[Recommendation] = strawberry.field(
        default_factory=list, description=f"One for each good piece, in order: at most {MOST_ITEMS}."
    )


@strawberry.type(description="The seen recommendation.")
class MarkRecommendationViewedPayload(RecommendationPayload):
    pass


@strawberry.type(description="The implemented recommendation.")
class ImplementRecommendationPayload(RecommendationPayload):
    pass


@strawberry.type(description="The dismissed recommendation.")
class DismissRecommendationPayload(RecommendationPayload):
    pass


@strawberry.type
class RecommendationQuery:
    @strawberry.field(description="The project's recommendations, the newest first.", extensions=[READS])
    async def recommendations(
        self,
        info: Info,
        first: First,
        filter: Annotated[  # noqa: A002
            RecommendationFilterInput | None, strawberry.argument(description="Which of them.")
        ] = None,
        after: After = None,
    ) -> Connection[Recommendation]:
        project_id = info.context.principal.project_id
        limit = page_size(first) + 1
        kept = filter.resolve() if filter else RecommendationFilter()
        before = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        total = None
        async with info.context.reading() as session:
            rows = await list_recommendations(session, project_id=project_id, kept=kept, limit=limit, before=before)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await count_recommendations(session, project_id=project_id, kept=kept)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Recommendation.of,
            cursor=lambda row: encode_cursor(PLACE, (row.id,)),
            total_count=total,
        )


@strawberry.type
class RecommendationMutation:
    @strawberry.mutation(
        description="Records a piece of advice. One that repeats an open or recently dismissed recommendation, of the "
        "same kind and about the same calls, updates that one.",
        extensions=[SENDS, REFUSALS],
    )
    async def record_recommendation(
        self,
        info: Info,
        input: Annotated[RecordRecommendationInput, strawberry.argument(description="The advice.")],  # noqa: A002
    ) -> RecordRecommendationPayload:
        (outcome,) = await _record(info, [input.resolve()])
        if isinstance(outcome, Refusal):
            raise outcome
        return RecordRecommendationPayload.of(outcome)

    @strawberry.mutation(
        description="Records many pieces of advice: the good ones, whatever the others are.",
        extensions=[SENDS, REFUSALS],
    )
    async def record_recommendations(
        self,
        info: Info,
        input: Annotated[RecordRecommendationsInput, strawberry.argument(description="The advice.")],  # noqa: A002
    ) -> RecordRecommendationsPayload:
        outcomes = await _record(info, [piece.resolve() for piece in input.recommendations])
        payload = RecordRecommendationsPayload()
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, Refusal):
                outcome.field = f"{PLACE}.{place}.{outcome.field}"
                payload.user_errors.append(UserError.of(outcome))
            else:
                payload.recommendations.append(Recommendation.of(outcome))
        return payload

    @strawberry.mutation(
        description="Notes that somebody has seen a recommendation. Doing so again is fine.",
        extensions=[EDITS, REFUSALS],
    )
    async def mark_recommendation_viewed(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            MarkRecommendationViewedInput, strawberry.argument(description="The recommendation.")
        ],
    ) -> MarkRecommendationViewedPayload:
        async with info.context.writing() as session:
            row = await life.mark_viewed(session, **_own(info, input.id))
        return MarkRecommendationViewedPayload.of(row)

    @strawberry.mutation(
        description="Notes that a recommendation was done: from then on its effect is measured. Doing so again is "
        "fine; a dismissed one, or another time, is a CONFLICT.",
        extensions=[EDITS, REFUSALS],
    )
    async def implement_recommendation(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            ImplementRecommendationInput, strawberry.argument(description="The recommendation.")
        ],
    ) -> ImplementRecommendationPayload:
        services = info.context.services
        async with info.context.writing() as session:
            row = await life.implement(
                session, **_own(info, input.id), implemented_at=input.implemented_at, terms=services.terms
            )
        return ImplementRecommendationPayload.of(row)

    @strawberry.mutation(
        description="Notes that a recommendation will not be done, and why. Doing so again for the same reason is "
        "fine; one that is not open any more is a CONFLICT.",
        extensions=[EDITS, REFUSALS],
    )
    async def dismiss_recommendation(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            DismissRecommendationInput, strawberry.argument(description="The recommendation, and why.")
        ],
    ) -> DismissRecommendationPayload:
        async with info.context.writing() as session:
            row = await life.dismiss(session, **_own(info, input.id), reason=input.reason)
        return DismissRecommendationPayload.of(row)


async def _record(info: Info, items: list[Item]) -> list[RecommendationRow | Invalid]:
    services = info.context.services
    async with info.context.writing() as session:
        return await record(session, project_id=info.context.principal.project_id, items=items, terms=services.terms)


def _own(info: Info, global_id: str) -> dict[str, Any]:
    """Which recommendation is meant, and who means it. Raises NotFound for what is none of this project's."""
    principal = info.context.principal
    key = own_key(global_id, type_name="Recommendation", project_id=principal.project_id)
    if key is None or not NUMBER.fullmatch(key):
        raise NotFound("There is no such recommendation in this project.", field="id")
    return {"project_id": principal.project_id, "number": int(key), "actor": principal.name}
