"""Bugs as clients see them, with what hangs on each: loaded for all bugs of a page at once."""

import datetime as dt
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Self

import msgspec
import strawberry
from strawberry.utils.str_converters import to_camel_case

from models import Bug as BugRow
from models import BugChange as ChangeRow
from models import BugComment as CommentRow
from models import BugOccurrence as OccurrenceRow
from resolvers.alerts.listing import alerts_by_bug
from resolvers.bugs.reading import bugs_by_number
from resolvers.bugs.similar import COMPARED, Similar, similar_by_bug
from resolvers.bugs.threads import (
    Stretch,
    change_counts_by_bug,
    changes_by_bug,
    comments_by_bug,
    contexts_by_bug,
    occurrences_by_bug,
)
from schema.context import Info
from schema.guards import READS
from schema.ids import Node, encode_id
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.scalars import JSON, BigInt
from schema.selections import selected
from schema.severities import Severity

FieldName = Annotated[str, msgspec.Meta(pattern="^[a-z_]+$")]
if TYPE_CHECKING:
    from schema.alerts.types import Alert

COMMENTS, HISTORY, OCCURRENCES = "bugComments", "bugHistory", "bugOccurrences"


@strawberry.enum(description="Where a bug stands.")
class BugStatus(Enum):
    OPEN = strawberry.enum_value("open", description="Nobody works on it yet. Goes anywhere.")
    IN_PROGRESS = strawberry.enum_value("in_progress", description="Somebody is on it. Goes anywhere.")
    RESOLVED = strawberry.enum_value("resolved", description="Done. Goes to CLOSED, or back to OPEN.")
    CLOSED = strawberry.enum_value("closed", description="Done and confirmed. Goes back to OPEN only.")
    WONT_FIX = strawberry.enum_value("wont_fix", description="Stays as it is. Goes back to OPEN only.")
    DUPLICATE = strawberry.enum_value("duplicate", description="Another bug says it. Goes back to OPEN only.")


@strawberry.enum(description="How soon a bug's turn is.")
class BugPriority(Enum):
    LOW = strawberry.enum_value("low", description="When there is time.")
    MEDIUM = strawberry.enum_value("medium", description="In its turn.")
    HIGH = strawberry.enum_value("high", description="Before others.")
    URGENT = strawberry.enum_value("urgent", description="Now.")


@strawberry.enum(description="Why a field of a bug got another value.")
class BugChangeCause(Enum):
    UPDATE = strawberry.enum_value("update", description="Somebody changed it.")
    REGRESSION = strawberry.enum_value("regression", description="It was met again after its resolution.")


ENUMS: dict[str, type[Enum]] = {"status": BugStatus, "severity": Severity, "priority": BugPriority}


@strawberry.type(description="What somebody said about a bug.")
class BugComment(Node):
    author: str = strawberry.field(description="The name of the key that wrote it.")
    body: str = strawberry.field(description="Markdown, as it was written.")
    created_at: dt.datetime = strawberry.field(description="When it was written.")

    @classmethod
    def of(cls, row: CommentRow) -> Self:
        return cls(
            id=encode_id("BugComment", row.project_id, row.id),
            author=row.author,
            body=row.body,
            created_at=row.created_at,
        )


@strawberry.type(description="One field that got another value. Those of one change have the same `version`.")
class BugChange:
    time: dt.datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="The name of the key that changed it.")
    field: str = strawberry.field(description="The field, as it is called here: `status`, `duplicateOf`.")
    before: JSON | None = strawberry.field(description="Its value before; enum values by their names.")
    after: JSON | None = strawberry.field(description="Its value since.")
    version: int = strawberry.field(description="The version of the bug since.")
    cause: BugChangeCause = strawberry.field(description="Why it changed.")

    @classmethod
    def of(cls, row: ChangeRow) -> Self:
        return cls(
            time=row.time,
            actor=row.actor,
            field=to_camel_case(row.field),
            before=shown(row.field, row.before),
            after=shown(row.field, row.after),
            version=row.version,
            cause=BugChangeCause(row.cause),
        )


@strawberry.type(description="A time that a bug was met: its filing, or a filing with the same fingerprint.")
class BugOccurrence:
    time: dt.datetime = strawberry.field(description="When it was filed.")
    filed_by: str = strawberry.field(description="The name of the key that filed it.")
    reporter: str | None = strawberry.field(description="Who met it, when that was said.")
    device: str | None = strawberry.field(description="On which device, when that was said.")
    context: JSON | None = strawberry.field(description="What else was said.")

    @classmethod
    def of(cls, row: OccurrenceRow) -> Self:
        return cls(time=row.time, filed_by=row.filed_by, reporter=row.reporter, device=row.device, context=row.context)


@strawberry.type(description="Something that is broken, and who is on it.")
class Bug(Node):
    project_id: strawberry.Private[int]
    original: strawberry.Private[int | None]
    number: int = strawberry.field(description="Its name: counts up in the project.")
    version: int = strawberry.field(description="Counts the changes of its fields; for `expectedVersion`.")
    title: str = strawberry.field(description="What is broken, in a line.")
    description: str | None = strawberry.field(description="Markdown, as it was written: escape it where you show it.")
    status: BugStatus = strawberry.field(description="Where it stands.")
    severity: Severity = strawberry.field(description="How bad it is.")
    priority: BugPriority = strawberry.field(description="How soon its turn is.")
    category: str | None = strawberry.field(description="What kind of thing is broken.")
    device: str | None = strawberry.field(description="On which device.")
    reporter: str | None = strawberry.field(description="Who reported it.")
    assignee: str | None = strawberry.field(description="Who is on it.")
    labels: list[str] = strawberry.field(description="Labels, at most 20.")
    links: list[str] = strawberry.field(description="Where more is to be seen: addresses, at most 20.")
    fingerprint: str | None = strawberry.field(description="What a repeat is known by.")
    filed_by: str = strawberry.field(description="The name of the key that filed it.")
    occurrences: BigInt = strawberry.field(description="How often it was met, its filing included.")
    comment_count: int = strawberry.field(description="How many comments it has.")
    created_at: dt.datetime = strawberry.field(description="When it was filed.")
    updated_at: dt.datetime = strawberry.field(
        description="When anything about it changed last: a field, a comment, an occurrence."
    )
    last_seen_at: dt.datetime = strawberry.field(description="When it was met last.")
    resolved_at: dt.datetime | None = strawberry.field(
        description="When it became RESOLVED, or CLOSED at once; null when it is neither."
    )

    @strawberry.field(description="The alert that filed it; null when somebody did.", extensions=[READS])
    async def alert(self, info: Info) -> Annotated["Alert", strawberry.lazy("schema.alerts.types")] | None:
        from schema.alerts.types import Alert  # noqa: PLC0415 — alerts show their bugs too

        row = await info.context.loader(alerts_by_bug).load((self.project_id, self.number))
        return Alert.of(row) if row else None

    @strawberry.field(description="Of a DUPLICATE, the bug that says the same.", extensions=[READS])
    async def duplicate_of(self, info: Info) -> "Bug | None":
        if self.original is None:
            return None
        row = await info.context.loader(bugs_by_number).load((self.project_id, self.original))
        return Bug.of(row) if row else None

    @strawberry.field(description="What else was known when it was filed.", extensions=[READS])
    async def context(self, info: Info) -> JSON | None:
        return await info.context.loader(contexts_by_bug).load((self.project_id, self.number))

    @strawberry.field(description="What people say about it, the oldest first.", extensions=[READS])
    async def comments(self, info: Info, first: First, after: After = None) -> Connection[BugComment]:
        place = None if after is None else decode_cursor(COMMENTS, after, tuple[int])
        return Connection.of(
            await info.context.loader(comments_by_bug).load(self._stretch(first, place)) or [],
            first=first,
            after=after,
            node=BugComment.of,
            cursor=lambda row: encode_cursor(COMMENTS, (row.id,)),
            total_count=self.comment_count,
        )

    @strawberry.field(description="Each change of a field since it was filed, the oldest first.", extensions=[READS])
    async def history(self, info: Info, first: First, after: After = None) -> Connection[BugChange]:
        place = None if after is None else decode_cursor(HISTORY, after, tuple[int, FieldName])
        rows = await info.context.loader(changes_by_bug).load(self._stretch(first, place)) or []
        total = None
        if any(field.name == "totalCount" for field in selected(info)):
            total = await info.context.loader(change_counts_by_bug).load((self.project_id, self.number)) or 0
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=BugChange.of,
            cursor=lambda row: encode_cursor(HISTORY, (row.version, row.field)),
            total_count=total,
        )

    @strawberry.field(description="Each time it was met, the newest first.", extensions=[READS])
    async def sightings(self, info: Info, first: First, after: After = None) -> Connection[BugOccurrence]:
        place = None if after is None else decode_cursor(OCCURRENCES, after, tuple[int])
        return Connection.of(
            await info.context.loader(occurrences_by_bug).load(self._stretch(first, place)) or [],
            first=first,
            after=after,
            node=BugOccurrence.of,
            cursor=lambda row: encode_cursor(OCCURRENCES, (row.ordinal,)),
            total_count=self.occurrences,
        )

    @strawberry.field(
        description="Other bugs that share the rarest words of its title and description, the most similar first. "
        "Answered for at most 10 bugs of an operation.",
        extensions=[READS],
    )
    async def similar(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description=f"How many at most: 1 to {COMPARED}.")],
    ) -> "list[SimilarBug]":
        limit = page_size(first, most=COMPARED)
        found = await info.context.loader(similar_by_bug).load((self.project_id, self.number)) or []
        return [SimilarBug.of(similar) for similar in found[:limit]]

    def _stretch(self, first: int, after: tuple[Any, ...] | None) -> Stretch:
        return Stretch(self.project_id, self.number, page_size(first) + 1, after)

    @classmethod
    def of(cls, row: BugRow) -> Self:
        return cls(
            id=encode_id("Bug", row.project_id, row.number),
            project_id=row.project_id,
            original=row.duplicate_of,
            number=row.number,
            version=row.version,
            title=row.title,
            description=row.description,
            status=BugStatus(row.status),
            severity=Severity(row.severity),
            priority=BugPriority(row.priority),
            category=row.category,
            device=row.device,
            reporter=row.reporter,
            assignee=row.assignee,
            labels=row.labels,
            links=row.links,
            fingerprint=row.fingerprint,
            filed_by=row.filed_by,
            occurrences=row.occurrences,
            comment_count=row.comments,
            created_at=row.created_at,
            updated_at=row.updated_at,
            last_seen_at=row.last_seen_at,
            resolved_at=row.resolved_at,
        )


@strawberry.type(description="A bug that says much the same as another.")
class SimilarBug:
    number: int = strawberry.field(description="Its number.")
    title: str = strawberry.field(description="What is broken, in a line.")
    status: BugStatus = strawberry.field(description="Where it stands.")
    score: float = strawberry.field(
        description="0..1: the share of their words that both have, words that few bugs have counting more."
    )
    bug: Bug = strawberry.field(description="The bug.")

    @classmethod
    def of(cls, similar: Similar) -> Self:
        bug = Bug.of(similar.bug)
        return cls(number=bug.number, title=bug.title, status=bug.status, score=similar.score, bug=bug)


def shown(field: str, value: Any) -> Any:
    """A value of a bug's field as clients know it."""
    return ENUMS[field](value).name if field in ENUMS and value is not None else value
