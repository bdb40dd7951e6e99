"""HTTP checks: their list, and the mutations that save, delete and run them."""

import datetime as dt
from typing import Annotated, Any, Self

import strawberry
from strawberry import UNSET

from resolvers.audit_entries import record_audit_entry
from resolvers.components.internal import Finding
from resolvers.errors import NotFound
from resolvers.health_checks import fields, listing, running, saving
from schema.components import Component, HealthStatus
from schema.context import Info
from schema.guards import ADMINISTERS, READS
from schema.ids import Node, encode_id, own_number
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.scalars import JSON
from schema.selections import selected

PLACE = "healthChecks"
NO_SUCH = "There is no such check in this project."


@strawberry.type(description="What is asked of an address, and what its answer must be like.")
class HealthCheck(Node):
    name: str = strawberry.field(description="The name of its component.")
    url: str = strawberry.field(description="The address that it asks.")
    method: str = strawberry.field(description="The HTTP method.")
    headers: JSON = strawberry.field(description="The headers that it sends, with every value masked.")
    has_body: bool = strawberry.field(description="Whether it sends a body, which is not shown.")
    every: dt.timedelta = strawberry.field(description="How often it runs.")
    timeout: dt.timedelta = strawberry.field(description="How long an answer may take, redirects included.")
    conditions: list[str] = strawberry.field(description="What an answer must be like, in Gatus's notation: at most 20")
    failures_before_down: int = strawberry.field(description="How many failures in a row make it down.")
    successes_before_healthy: int = strawberry.field(description="How many successes in a row make it healthy again.")
    critical: bool = strawberry.field(description="Whether the status of the whole depends on it.")
    depends_on: str | None = strawberry.field(description="The name of the component that it depends on.")
    enabled: bool = strawberry.field(description="Whether it runs.")
    certificate_expires_at: dt.datetime | None = strawberry.field(
        description="When the certificate that the address showed last ends."
    )
    component: Component = strawberry.field(description="How what it asks is, and how it was.")

    @classmethod
    def of(cls, checked: listing.Checked) -> Self:
        check, component = checked.check, checked.component
        return cls(
            id=encode_id("HealthCheck", check.project_id, check.component_id),
            name=component.name,
            url=check.url,
            method=check.method,
            headers=dict.fromkeys(check.header_names, fields.MASK),
            has_body=check.has_body,
            every=dt.timedelta(seconds=component.every_seconds),
            timeout=dt.timedelta(seconds=check.timeout_seconds),
            conditions=check.conditions,
            failures_before_down=component.failures_before_down,
            successes_before_healthy=component.successes_before_healthy,
            critical=component.critical,
            depends_on=checked.parent,
            enabled=component.enabled,
            certificate_expires_at=check.certificate_expires_at,
            component=Component.of(component),
        )


@strawberry.input(
    description="A check to add, or with `id` to change: what is left out then stays as it is, and null is the default."
)
class SaveHealthCheckInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The check to change; null adds one.")
    name: str = strawberry.field(description="The name of its component: 1 to 100 characters, unique in the project.")
    url: str = strawberry.field(description="The address, of http or https, at most 2,000 characters.")
    method: str | None = strawberry.field(default=UNSET, description="GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.")
    headers: JSON | None = strawberry.field(
        default=UNSET,
        description="An object of names and values, at most 50. Stored encrypted and shown masked; the mask as a value "
        "keeps the one that is stored.",
    )
    body: str | None = strawberry.field(default=UNSET, description="The body to send, at most 64 KiB. Never shown.")
    every: dt.timedelta | None = strawberry.field(
        default=UNSET, description="How often, from PT1S on; by default VIGIE_EXTERNAL_CHECK_SECONDS."
    )
    timeout: dt.timedelta | None = strawberry.field(default=UNSET, description="At most PT1M; by default PT10S.")
    conditions: list[str] | None = strawberry.field(
        default=UNSET, description="At most 20, all of which must hold; by default `[STATUS] < 400`."
    )
    failures_before_down: int | None = strawberry.field(default=UNSET, description="1 to 100; by default 3.")
    successes_before_healthy: int | None = strawberry.field(default=UNSET, description="1 to 100; by default 2.")
    critical: bool | None = strawberry.field(default=UNSET, description="By default false.")
    depends_on: str | None = strawberry.field(
        default=UNSET, description="The name of a component of the project that does not depend on this one."
    )
    enabled: bool | None = strawberry.field(default=UNSET, description="By default true.")

    def resolve(self) -> dict[str, Any]:
        """What is meant."""
        given = {name: value for name, value in vars(self).items() if value is not UNSET}
        given.pop("id")
        return given


@strawberry.type(description="The check as it is now.")
class SaveHealthCheckPayload(Payload):
    health_check: HealthCheck | None = strawberry.field(default=None, description="The check; null when refused.")


@strawberry.input(description="The check to delete.")
class DeleteHealthCheckInput:
    id: strawberry.ID = strawberry.field(description="The check's `id`.")


@strawberry.type(description="What was deleted.")
class DeleteHealthCheckPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The check's `id`; null when refused."
    )


@strawberry.input(description="The check to run.")
class RunHealthCheckInput:
    id: strawberry.ID = strawberry.field(description="The check's `id`.")


@strawberry.type(description="What one run of a check found.")
class HealthCheckResult:
    status: HealthStatus = strawberry.field(description="HEALTHY or DOWN; UNKNOWN when it could not be run.")
    latency_ms: float | None = strawberry.field(description="How long the answer took.")
    status_code: int | None = strawberry.field(description="The HTTP status of the answer; null when none came.")
    message: str | None = strawberry.field(description="Why it is not healthy.")
    certificate_expires_at: dt.datetime | None = strawberry.field(description="When the certificate shown ends.")

    @classmethod
    def of(cls, result: running.Result) -> Self:
        found: Finding = result.finding
        answer = result.answer
        return cls(
            status=HealthStatus(found.status),
            latency_ms=found.latency_ms,
            status_code=answer.status_code if answer else None,
            message=found.message,
            certificate_expires_at=answer.certificate_expires_at if answer else None,
        )


@strawberry.type(description="What the run found.")
class RunHealthCheckPayload(Payload):
    result: HealthCheckResult | None = strawberry.field(default=None, description="The result; null when refused.")


@strawberry.type
class HealthCheckQuery:
    @strawberry.field(description="The project's HTTP checks, in the order of adding.", extensions=[READS])
    async def health_checks(self, info: Info, first: First, after: After = None) -> Connection[HealthCheck]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        place = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await listing.list_health_checks(session, project_id=project_id, limit=limit, after=place)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await listing.count_health_checks(session, project_id=project_id)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=HealthCheck.of,
            cursor=lambda row: encode_cursor(PLACE, (row.check.component_id,)),
            total_count=total,
        )


@strawberry.type
class HealthCheckMutation:
    @strawberry.mutation(
        description="Adds or changes a check, and runs it at once. An address that is not public is refused, unless "
        "VIGIE_ALLOWED_NETWORKS names it.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def save_health_check(
        self,
        info: Info,
        input: Annotated[SaveHealthCheckInput, strawberry.argument(description="The check.")],  # noqa: A002
    ) -> SaveHealthCheckPayload:
        principal, services = info.context.principal, info.context.services
        number = None if input.id is None else own_number(input.id, "HealthCheck", principal.project_id, NO_SUCH)
        await fields.check_target(services.guard, input.url)
        async with info.context.writing() as session:
            number = await saving.save_health_check(
                session,
                project_id=principal.project_id,
                number=number,
                values=input.resolve(),
                every=services.watch.external_every,
                vault=services.vault,
                actor=principal.name,
            )
        async with info.context.reading() as session:
            checked = await listing.get_health_check(session, project_id=principal.project_id, number=number)
        return SaveHealthCheckPayload(health_check=HealthCheck.of(checked) if checked else None)

    @strawberry.mutation(
        description="Deletes a check, and its component with its past.", extensions=[ADMINISTERS, REFUSALS]
    )
    async def delete_health_check(
        self,
        info: Info,
        input: Annotated[DeleteHealthCheckInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> DeleteHealthCheckPayload:
        principal = info.context.principal
        number = own_number(input.id, "HealthCheck", principal.project_id, NO_SUCH)
        async with info.context.writing() as session:
            await saving.delete_health_check(
                session, project_id=principal.project_id, number=number, actor=principal.name
            )
        return DeleteHealthCheckPayload(deleted_id=input.id)

    @strawberry.mutation(
        description="Runs a check now and answers what it found, which counts as any other run of it.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def run_health_check(
        self,
        info: Info,
        input: Annotated[RunHealthCheckInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> RunHealthCheckPayload:
        principal, services = info.context.principal, info.context.services
        number = own_number(input.id, "HealthCheck", principal.project_id, NO_SUCH)
        async with services.database.read() as session:
            checked = await listing.get_health_check(session, project_id=principal.project_id, number=number)
        if checked is None:
            raise NotFound(NO_SUCH, field="id")
        result = await running.run_check(checked.check, vault=services.vault, guard=services.guard)
        await running.record_result(services.database, checked.check, result)
        async with info.context.writing() as session:
            record_audit_entry(
                session,
                project_id=principal.project_id,
                actor=principal.name,
                action="health_check.run",
                target=f"health_check:{number}",
            )
        return RunHealthCheckPayload(result=HealthCheckResult.of(result))
