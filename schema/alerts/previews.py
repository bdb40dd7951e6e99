"""What a rule would have done, before it is saved."""

import datetime as dt
from typing import Annotated, Self

import strawberry

from resolvers.alerts.previewing import Firing, Preview
from schema.paging import page_size
from schema.scalars import BigInt
from schema.severities import Severity


@strawberry.type(description="An alert that a rule would have opened.")
class PreviewedFiring:
    started_at: dt.datetime = strawberry.field(description="When the condition first held.")
    fired_at: dt.datetime = strawberry.field(description="When it would have fired.")
    resolved_at: dt.datetime | None = strawberry.field(
        description="When it would have been over; null when it would still fire at the period's end."
    )
    peak_value: float | None = strawberry.field(description="The figure that was furthest beyond the threshold.")
    severity: Severity = strawberry.field(description="How bad it would have been.")
    component: str | None = strawberry.field(description="The component that was down; null for other figures.")

    @classmethod
    def of(cls, firing: Firing) -> Self:
        return cls(
            started_at=firing.started_at,
            fired_at=firing.fired_at,
            resolved_at=firing.resolved_at,
            peak_value=firing.peak_value,
            severity=Severity(firing.severity),
            component=firing.instance or None,
        )


@strawberry.type(description="What a rule would have done over a period, by the figures as they are known today.")
class AlertRulePreview:
    preview: strawberry.Private[Preview]
    evaluations: BigInt = strawberry.field(description="How often it would have been evaluated.")
    no_data_evaluations: BigInt = strawberry.field(description="How often there would have been no data.")

    @strawberry.field(description="The alerts that would have fired, in order.")
    def firings(
        self, first: Annotated[int, strawberry.argument(description="How many at most: 1 to 200.")]
    ) -> list[PreviewedFiring]:
        return [PreviewedFiring.of(firing) for firing in self.preview.firings[: page_size(first)]]

    @strawberry.field(description="How many would have fired.")
    def firing_count(self) -> BigInt:
        return len(self.preview.firings)

    @classmethod
    def of(cls, preview: Preview) -> Self:
        return cls(preview=preview, evaluations=preview.evaluations, no_data_evaluations=preview.no_data)
