"""The health of the whole: its status, its components, what changes live, and whether everybody may see it."""

import datetime as dt
from collections.abc import AsyncGenerator
from enum import Enum
from typing import Annotated, Any, Self

import strawberry

from integrations.circuits import Circuit
from models import Component as ComponentRow
from realtime.facts import ActivityFact, Fact
from resolvers.circuits import of_project
from resolvers.components import documents
from resolvers.components.listing import find_component, list_components
from resolvers.components.states import overall
from resolvers.components.telling import CHANGED, KIND, told_component
from schema.components import Component, HealthStatus
from schema.context import Info
from schema.frames import MinInterval, Resume, StreamFrame, follow
from schema.guards import ADMINISTERS, READS
from schema.payloads import REFUSALS, Payload


@strawberry.enum(description="How a circuit breaker is.")
class BreakerState(Enum):
    CLOSED = strawberry.enum_value("closed", description="All goes well.")
    HALF_OPEN = strawberry.enum_value("half-opened", description="It is tried again.")
    OPEN = strawberry.enum_value("opened", description="It failed several times in a row and is left alone.")


@strawberry.type(description="A circuit breaker of the process that answers, before something that it needs.")
class CircuitBreaker:
    name: str = strawberry.field(description="What is behind it: `database`, `redis`, `openai`, `channel:1:7`.")
    state: BreakerState = strawberry.field(description="How it is.")
    since: dt.datetime | None = strawberry.field(description="Since when; null: it was never open.")


@strawberry.type(description="How the whole is.")
class Health:
    status: HealthStatus = strawberry.field(
        description="The worst status of a critical component, of those of which anything is known."
    )
    version: str = strawberry.field(description="The version of Vigie.")
    environment: str = strawberry.field(description="What this installation is called: VIGIE_ENVIRONMENT.")
    started_at: dt.datetime = strawberry.field(description="When the process that answers started.")
    checked_at: dt.datetime | None = strawberry.field(description="When any component was looked at last.")
    components: list[Component] = strawberry.field(
        description="Every component that is watched, Vigie's own first: at most 1,010."
    )
    published: bool = strawberry.field(description="Whether everybody may read `/status/{project}.json`.")
    breakers: list[CircuitBreaker] = strawberry.field(
        description="The circuit breakers of the process that answers: its own, and the project's channels that are "
        "not well, at most 100."
    )

    @classmethod
    def of(cls, info: Info, rows: "list[ComponentRow]", *, published: bool) -> Self:
        services, project_id = info.context.services, info.context.principal.project_id
        process = services.process
        return cls(
            status=HealthStatus(overall((row.critical, row.status) for row in rows)),
            version=process.version,
            environment=process.environment,
            started_at=process.started_at,
            checked_at=max((row.checked_at for row in rows if row.checked_at), default=None),
            components=[Component.of(row) for row in rows],
            published=published,
            breakers=[_breaker(circuit) for circuit in of_project(services.circuits.shown, project_id)[:100]],
        )


def _breaker(circuit: Circuit) -> CircuitBreaker:
    since = dt.datetime.fromtimestamp(circuit.since, dt.UTC) if circuit.since else None
    return CircuitBreaker(name=circuit.name, state=BreakerState(circuit.state), since=since)


@strawberry.type(description="A component got another status.")
class HealthEvent:
    time: dt.datetime = strawberry.field(description="When.")
    component: Component = strawberry.field(
        description="The component as the change left it; what it depends on and how it was are as of now."
    )
    from_: HealthStatus = strawberry.field(name="from", description="Its status before.")
    to: HealthStatus = strawberry.field(description="Its status since.")
    message: str | None = strawberry.field(description="What was found.")

    @classmethod
    def of(cls, fact: ActivityFact) -> Self:
        return cls(
            time=fact.time,
            component=Component.of(told_component(fact)),
            from_=HealthStatus(fact.payload["from"]),
            to=HealthStatus(fact.payload["to"]),
            message=fact.payload["message"],
        )


@strawberry.type(description="What a stream of health tells at a time.")
class HealthEventFrame(StreamFrame):
    events: list[HealthEvent] = strawberry.field(description="At most 500 changes, in commit order.")

    @classmethod
    def content(cls, facts: list[Fact]) -> dict[str, Any]:
        return {"events": [HealthEvent.of(fact) for fact in facts if isinstance(fact, ActivityFact)]}


@strawberry.input(description="Who may see the status of the project.")
class PublishStatusInput:
    published: bool = strawberry.field(description="Whether everybody may, without a key.")


@strawberry.type(description="Who may see the status of the project now.")
class PublishStatusPayload(Payload):
    published: bool | None = strawberry.field(default=None, description="Whether everybody may; null when refused.")
    path: str | None = strawberry.field(default=None, description="Where, below the address of Vigie.")


@strawberry.type
class HealthQuery:
    @strawberry.field(description="How the whole is, and each component of it.", extensions=[READS])
    async def health(self, info: Info) -> Health:
        project_id = info.context.principal.project_id
        async with info.context.reading() as session:
            rows = await list_components(session, project_id=project_id)
            published = await documents.is_published(session, project_id=project_id)
        return Health.of(info, list(rows), published=published)

    @strawberry.field(
        description="The component of a name, also one that is switched off; null when there is none.",
        extensions=[READS],
    )
    async def component(
        self, info: Info, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> Component | None:
        async with info.context.reading() as session:
            row = await find_component(session, project_id=info.context.principal.project_id, name=name)
        return Component.of(row) if row else None


@strawberry.type
class HealthMutation:
    @strawberry.mutation(
        description="Shows the project's status to everybody at `/status/{project}.json`, or no longer: names of "
        "components, how they are and were, no addresses and no messages.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def publish_status(
        self,
        info: Info,
        input: Annotated[PublishStatusInput, strawberry.argument(description="Who may.")],  # noqa: A002
    ) -> PublishStatusPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            await documents.publish(
                session, project_id=principal.project_id, published=input.published, actor=principal.name
            )
        return PublishStatusPayload(published=input.published, path=documents.path_of(principal.project_name))


@strawberry.type
class HealthSubscription:
    @strawberry.subscription(
        description="Changes of components in commit order, each once: behind `after`, or from now on. Frames and "
        "cursors are those of `activity`.",
        extensions=[READS],
    )
    def health_events(
        self, info: Info, after: Resume = None, min_interval: MinInterval = None
    ) -> AsyncGenerator[HealthEventFrame, None]:
        def wants(fact: Fact) -> bool:
            return isinstance(fact, ActivityFact) and fact.name == CHANGED

        return follow(info, HealthEventFrame, after=after, wants=wants, kinds={KIND}, min_interval=min_interval)
