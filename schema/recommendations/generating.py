"""The mutation that generates recommendations from the project's own data."""

from typing import Annotated

import strawberry

from resolvers.recommendations.generation import MOST_FINDINGS, RULES, check_kinds
from schema.context import Info
from schema.guards import EDITS
from schema.payloads import REFUSALS, Payload
from schema.periods import PeriodInput
from schema.recommendations.types import Recommendation

KINDS = ", ".join(f"`{kind}`" for kind in sorted(RULES))


@strawberry.input(description="What to look at.")
class GenerateRecommendationsInput:
    period: PeriodInput = strawberry.field(
        description="The time to look at: its last 31 days. A month of whole days shows most."
    )
    kinds: list[str] | None = strawberry.field(
        default=None, description=f"Only these kinds, at most {len(RULES)}; null or empty: all of {KINDS}."
    )


@strawberry.type(description="What was found.")
class GenerateRecommendationsPayload(Payload):
    recommendations: list[Recommendation] = strawberry.field(
        default_factory=list,
        description="The recommendations that the period gives reason for, the largest saving first: new ones, and "
        f"those that were open or dismissed recently, brought up to date. At most {MOST_FINDINGS}.",
    )


@strawberry.type
class RecommendationGenerationMutation:
    @strawberry.mutation(
        description="Looks for waste in the project's own data and advises what to do about it, with the figures "
        "behind it. What was advised already is brought up to date, not advised again.",
        extensions=[EDITS, REFUSALS],
    )
    async def generate_recommendations(
        self,
        info: Info,
        input: Annotated[GenerateRecommendationsInput, strawberry.argument(description="What to look at.")],  # noqa: A002
    ) -> GenerateRecommendationsPayload:
        services = info.context.services
        period = input.period.resolve()
        check_kinds(input.kinds or ())
        rows = await services.generator.generate(
            services.database,
            project_id=info.context.principal.project_id,
            start=period.start,
            end=period.end,
            kinds=input.kinds or (),
        )
        return GenerateRecommendationsPayload(recommendations=[Recommendation.of(row) for row in rows])
