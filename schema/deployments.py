"""Deployments: the type, their list, what stands beside a series, and the mutation that records one."""

import datetime as dt
from typing import Annotated, Self

import strawberry

from models import Deployment as DeploymentRow
from models.base import from_microseconds, to_microseconds
from resolvers import deployments
from resolvers.metrics.scopes import Scope
from schema.context import Info
from schema.guards import READS, SENDS
from schema.ids import Node, encode_id
from schema.paging import After, Connection, First, Microseconds, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.periods import PeriodArgument
from schema.selections import selected

PLACE = "deployments"


@strawberry.type(description="A version that went out.")
class Deployment(Node):
    version: str = strawberry.field(description="What was deployed.")
    environment: str | None = strawberry.field(description="Where to; null when nobody said.")
    time: dt.datetime = strawberry.field(description="When.")
    link: str | None = strawberry.field(description="Where more is to be seen: an http or https address.")
    description: str | None = strawberry.field(description="What else was said: escape it where you show it.")
    recorded_by: str = strawberry.field(description="The name of the key that told of it.")
    recorded_at: dt.datetime = strawberry.field(description="When it was told.")

    @classmethod
    def of(cls, row: DeploymentRow) -> Self:
        return cls(
            id=encode_id("Deployment", row.project_id, row.id),
            version=row.version,
            environment=row.environment,
            time=row.time,
            link=row.link,
            description=row.description,
            recorded_by=row.recorded_by,
            recorded_at=row.recorded_at,
        )


@strawberry.type(description="Figures with the deployments of their time.")
class Marked:
    """Base of the blocks that have series."""

    scope: strawberry.Private[Scope]

    @strawberry.field(
        description="The deployments of the period, to mark in its series: the oldest first, and at most 200, the "
        "newest of all. A filter by environments keeps those, and deployments without an environment."
    )
    async def deployments(self, info: Info) -> list[Deployment]:
        async with info.context.reading() as session:
            rows = await deployments.list_deployments(
                session,
                project_id=self.scope.snapshot.project_id,
                period=self.scope.period,
                environments=self.scope.filter.environments,
                limit=deployments.MOST_MARKERS,
            )
        return [Deployment.of(row) for row in reversed(rows)]


@strawberry.input(description="A deployment.")
class RecordDeploymentInput:
    version: str = strawberry.field(description="What was deployed: 1 to 100 characters.")
    environment: str | None = strawberry.field(default=None, description="Where to, such as `prod`.")
    time: dt.datetime | None = strawberry.field(
        default=None, description="When: at most 5 minutes ahead of now, by default now."
    )
    link: str | None = strawberry.field(
        default=None, description="Where more is to be seen: an http or https address of at most 2,048 characters."
    )
    description: str | None = strawberry.field(default=None, description="What else to say: 2,000 characters.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes a retry harmless: the deployment that was recorded with it is answered."
    )

    def resolve(self) -> deployments.Marker:
        return deployments.Marker(
            version=self.version,
            environment=self.environment,
            time=self.time,
            link=self.link,
            description=self.description,
            idempotency_key=self.idempotency_key,
        )


@strawberry.type(description="The recorded deployment.")
class RecordDeploymentPayload(Payload):
    deployment: Deployment | None = strawberry.field(default=None, description="The deployment; null when refused.")


@strawberry.type
class DeploymentQuery:
    @strawberry.field(description="The deployments of a period, the newest first.", extensions=[READS])
    async def deployments(
        self, info: Info, period: PeriodArgument, first: First, after: After = None
    ) -> Connection[Deployment]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        resolved, place = period.resolve(), None
        if after is not None:
            microseconds, number = decode_cursor(PLACE, after, tuple[Microseconds, int])
            place = (from_microseconds(microseconds), number)
        async with info.context.reading() as session:
            rows = await deployments.list_deployments(
                session, project_id=project_id, period=resolved, limit=limit, after=place
            )
            if any(field.name == "totalCount" for field in selected(info)):
                total = await deployments.count_deployments(session, project_id=project_id, period=resolved)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Deployment.of,
            cursor=lambda row: encode_cursor(PLACE, (to_microseconds(row.time), row.id)),
            total_count=total,
        )


@strawberry.type
class DeploymentMutation:
    @strawberry.mutation(
        description="Records that a version went out: it stands in the feed and beside every series.",
        extensions=[SENDS, REFUSALS],
    )
    async def record_deployment(
        self,
        info: Info,
        input: Annotated[RecordDeploymentInput, strawberry.argument(description="The deployment.")],  # noqa: A002
    ) -> RecordDeploymentPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            row = await deployments.record_deployment(
                session, project_id=principal.project_id, marker=input.resolve(), actor=principal.name
            )
        return RecordDeploymentPayload(deployment=Deployment.of(row))
