"""Subjects: whom calls were made for, what is known of them, and their erasure."""

import datetime as dt
from enum import Enum
from typing import Annotated, Any, Self

import strawberry
from strawberry import UNSET

from models import Erasure as ErasureRow
from models import SubjectProfile
from resolvers.erasures.beginning import begin_erasure
from resolvers.erasures.listing import count_erasures, list_erasures
from resolvers.metrics.blocks import API, USAGE
from resolvers.metrics.filters import MetricsFilter
from resolvers.metrics.periods import make_period
from resolvers.metrics.scopes import Scope
from resolvers.metrics.snapshots import take_snapshot
from resolvers.subjects.listing import count_subjects, figures_by_subject, list_subjects
from resolvers.subjects.profiles import MOST_NAME, profiles_by_name, set_subject
from resolvers.texts import check_optional_text, check_text
from schema.context import Info
from schema.guards import ADMINISTERS, EDITS, READS
from schema.ids import Node, encode_id
from schema.metrics.api import ApiTotals
from schema.metrics.usage import UsageTotals
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.periods import PeriodInput
from schema.scalars import JSON, BigInt
from schema.selections import below, selected

PLACE, ERASURES = "subjects", "erasures"
RECENT = dt.timedelta(days=30)


@strawberry.type(description="A place on the earth, in degrees.")
class Coordinates:
    latitude: float = strawberry.field(description="North of the equator, -90 to 90.")
    longitude: float = strawberry.field(description="East of Greenwich, -180 to 180.")


@strawberry.type(description="Whom calls were made for: a customer, a node, a public key.")
class Subject:
    name: str = strawberry.field(description="The name that events carry.")
    label: str | None = strawberry.field(description="What people call it; null for none.")
    attributes: JSON = strawberry.field(description="What else is known of it: a JSON object.")
    coordinates: Coordinates | None = strawberry.field(description="Where it is; null where nobody said.")
    updated_at: dt.datetime | None = strawberry.field(description="When this was last set; null: never.")
    usage: UsageTotals | None = strawberry.field(
        default=None,
        description="The model calls for it in the period of the list: sums and means, without percentiles. "
        "Null in the answer of a mutation.",
    )
    api: ApiTotals | None = strawberry.field(
        default=None,
        description="The API calls of it in the period of the list: sums and means, without percentiles. "
        "Null in the answer of a mutation.",
    )

    @classmethod
    def of(cls, name: str, profile: SubjectProfile | None, **totals: Any) -> Self:
        place = None
        if profile and profile.latitude is not None and profile.longitude is not None:
            place = Coordinates(latitude=profile.latitude, longitude=profile.longitude)
        return cls(
            name=name,
            label=profile.label if profile else None,
            attributes=profile.attributes if profile else {},
            coordinates=place,
            updated_at=profile.updated_at if profile else None,
            **totals,
        )


@strawberry.enum(description="How far an erasure has come.")
class ErasureState(Enum):
    RUNNING = strawberry.enum_value("running", description="Older facts may still show the name.")
    DONE = strawberry.enum_value("done", description="The name is nowhere any more.")


@strawberry.type(description="A subject whose name was taken out of what is stored. It does not tell which.")
class Erasure(Node):
    pseudonym: str = strawberry.field(description="What stands in place of the name: random, and made from nothing.")
    state: ErasureState = strawberry.field(description="How far it has come.")
    facts: BigInt = strawberry.field(description="How many facts have the pseudonym by now.")
    requested_by: str = strawberry.field(description="The name of the key that asked for it.")
    requested_at: dt.datetime = strawberry.field(description="When it was asked for.")
    finished_at: dt.datetime | None = strawberry.field(description="When it was through; null while it runs.")

    @classmethod
    def of(cls, row: ErasureRow) -> Self:
        return cls(
            id=encode_id("Erasure", row.project_id, row.id),
            pseudonym=row.pseudonym,
            state=ErasureState(row.state),
            facts=row.facts,
            requested_by=row.requested_by,
            requested_at=row.requested_at,
            finished_at=row.finished_at,
        )


@strawberry.input(description="A place on the earth, in degrees.")
class CoordinatesInput:
    latitude: float = strawberry.field(description="North of the equator, -90 to 90.")
    longitude: float = strawberry.field(description="East of Greenwich, -180 to 180.")


@strawberry.input(description="What is known of a subject: what is left out stays as it is, null takes it away.")
class SetSubjectInput:
    subject: str = strawberry.field(description="The name that events carry: 1 to 256 characters.")
    label: str | None = strawberry.field(default=UNSET, description="What people call it: up to 200 characters.")
    attributes: JSON | None = strawberry.field(default=UNSET, description="A JSON object of at most 16 KiB.")
    coordinates: CoordinatesInput | None = strawberry.field(default=UNSET, description="Where it is.")

    def resolve(self) -> dict[str, Any]:
        """What changes."""
        given = {name: value for name, value in vars(self).items() if value is not UNSET and name != "subject"}
        if place := given.get("coordinates"):
            given["coordinates"] = (place.latitude, place.longitude)
        return given


@strawberry.type(description="The subject as it is now.")
class SetSubjectPayload(Payload):
    subject: Subject | None = strawberry.field(default=None, description="The subject; null when refused.")


@strawberry.input(description="The subject to erase.")
class EraseSubjectInput:
    subject: str = strawberry.field(description="Its name.")


@strawberry.type(description="The erasure that has begun.")
class EraseSubjectPayload(Payload):
    erasure: Erasure | None = strawberry.field(default=None, description="The erasure; null when refused.")


@strawberry.type
class SubjectQuery:
    @strawberry.field(
        description="The subjects that have calls or a profile, by name, with the totals of a period.",
        extensions=[READS],
    )
    async def subjects(
        self,
        info: Info,
        first: First,
        after: After = None,
        period: Annotated[
            PeriodInput | None, strawberry.argument(description="What the totals are about; null: the last 30 days.")
        ] = None,
        search: Annotated[
            str | None, strawberry.argument(description="Keeps those whose name or label holds it, in any case.")
        ] = None,
        located: Annotated[
            bool | None, strawberry.argument(description="Keeps those with coordinates, or those without.")
        ] = None,
    ) -> Connection[Subject]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        place = decode_cursor(PLACE, after, tuple[str])[0] if after is not None else None
        if place is not None:
            check_text(place, field="after", most=MOST_NAME)
        search = check_optional_text(search, field="search", most=MOST_NAME)
        now, fields = dt.datetime.now(dt.UTC), selected(info)
        over = period.resolve() if period else make_period(start=None, end=None, last=RECENT, zone="UTC", now=now)
        wanted = {field.name for field in below(below(fields, "edges"), "node")}
        async with info.context.reading() as session:
            snapshot = await take_snapshot(session, project_id=project_id, now=now)
            names = await list_subjects(session, snapshot, limit=limit, after=place, search=search, located=located)
            page = names[:first]
            profiles = await profiles_by_name(session, [(project_id, name) for name in page])
            totals: dict[str, dict[str, Any]] = {name: {} for name in page}
            for field, block, shown in (("usage", USAGE, UsageTotals), ("api", API, ApiTotals)):
                if field in wanted and page:
                    scope = Scope(snapshot, block, over, MetricsFilter())
                    for name, figures in (await figures_by_subject(session, scope, page)).items():
                        totals[name][field] = shown.of(figures)
            if any(field.name == "totalCount" for field in fields):
                total = await count_subjects(session, snapshot, search=search, located=located)
        return Connection.of(
            names,
            first=first,
            after=after,
            node=lambda name: Subject.of(name, profiles.get((project_id, name)), **totals[name]),
            cursor=lambda name: encode_cursor(PLACE, (name,)),
            total_count=total,
        )

    @strawberry.field(description="The project's erasures, the newest first.", extensions=[ADMINISTERS])
    async def erasures(self, info: Info, first: First, after: After = None) -> Connection[Erasure]:
        project_id, limit, total = info.context.principal.project_id, page_size(first) + 1, None
        before = decode_cursor(ERASURES, after, tuple[int])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await list_erasures(session, project_id=project_id, limit=limit, before=before)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await count_erasures(session, project_id=project_id)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=Erasure.of,
            cursor=lambda row: encode_cursor(ERASURES, (row.id,)),
            total_count=total,
        )


@strawberry.type
class SubjectMutation:
    @strawberry.mutation(
        description="Says what is known of a subject, whether it has calls already or not.",
        extensions=[EDITS, REFUSALS],
    )
    async def set_subject(
        self,
        info: Info,
        input: Annotated[SetSubjectInput, strawberry.argument(description="What is known.")],  # noqa: A002
    ) -> SetSubjectPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            profile = await set_subject(
                session,
                project_id=principal.project_id,
                name=input.subject,
                values=input.resolve(),
                actor=principal.name,
            )
        return SetSubjectPayload(subject=Subject.of(profile.name, profile))

    @strawberry.mutation(
        description="Takes a subject's name out of what is stored, for good: a random pseudonym stands in its place, "
        "its profile, the attributes and the content of its events are deleted, sums and counts stay. Events that come "
        "later under the same name are of somebody new.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def erase_subject(
        self,
        info: Info,
        input: Annotated[EraseSubjectInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> EraseSubjectPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            row = await begin_erasure(
                session, project_id=principal.project_id, subject=input.subject, actor=principal.name
            )
        return EraseSubjectPayload(erasure=Erasure.of(row))
