"""What becomes of bugs, live."""

import datetime as dt
from collections.abc import AsyncGenerator
from enum import Enum
from typing import Annotated, Any, Self

import strawberry
from strawberry.utils.str_converters import to_camel_case

from realtime.facts import ActivityFact, Fact
from resolvers.bugs import filters
from resolvers.bugs.comments import comments_by_id
from resolvers.bugs.telling import KIND, told_bug
from schema.bugs.inputs import BugFilter
from schema.bugs.types import Bug, BugComment, shown
from schema.context import Info
from schema.frames import MinInterval, Resume, StreamFrame, follow
from schema.guards import READS
from schema.scalars import JSON


@strawberry.enum(description="What has become of a bug.")
class BugEventKind(Enum):
    FILED = strawberry.enum_value("bug.filed", description="It was filed.")
    UPDATED = strawberry.enum_value("bug.updated", description="Fields of it were changed.")
    COMMENTED = strawberry.enum_value("bug.commented", description="Somebody said something about it.")
    REPEATED = strawberry.enum_value("bug.repeated", description="It was met again.")
    REGRESSED = strawberry.enum_value("bug.regressed", description="It was met after its resolution, and is open.")


@strawberry.type(description="One field that an event changed.")
class BugFieldChange:
    field: str = strawberry.field(description="The field, as a bug has it.")
    before: JSON | None = strawberry.field(description="Its value before; enum values by their names.")
    after: JSON | None = strawberry.field(description="Its value since.")


@strawberry.type(description="One change of a bug.")
class BugEvent:
    fact: strawberry.Private[ActivityFact]
    time: dt.datetime = strawberry.field(description="When it happened.")
    kind: BugEventKind = strawberry.field(description="What happened.")
    actor: str = strawberry.field(description="The name of the key that did it.")
    bug: Bug = strawberry.field(description="The bug as the change left it; what hangs on it is as of now.")
    changes: list[BugFieldChange] = strawberry.field(description="The fields that got other values, at most 20.")

    @strawberry.field(description="Of COMMENTED: what was said.")
    async def comment(self, info: Info) -> BugComment | None:
        comment_id = self.fact.payload.get("comment")
        if comment_id is None:
            return None
        row = await info.context.loader(comments_by_id).load((self.fact.project_id, comment_id))
        return BugComment.of(row) if row else None

    @classmethod
    def of(cls, fact: ActivityFact) -> Self:
        return cls(
            fact=fact,
            time=fact.time,
            kind=BugEventKind(fact.name),
            actor=fact.payload["actor"],
            bug=Bug.of(told_bug(fact)),
            changes=[
                BugFieldChange(
                    field=to_camel_case(change["field"]),
                    before=shown(change["field"], change["before"]),
                    after=shown(change["field"], change["after"]),
                )
                for change in fact.payload["changes"]
            ],
        )


@strawberry.type(description="What a stream of bugs tells at a time.")
class BugEventFrame(StreamFrame):
    events: list[BugEvent] = strawberry.field(description="At most 500 changes, in commit order.")

    @classmethod
    def content(cls, facts: list[Fact]) -> dict[str, Any]:
        return {"events": [BugEvent.of(fact) for fact in facts if isinstance(fact, ActivityFact)]}


@strawberry.type
class BugSubscription:
    @strawberry.subscription(
        description="Changes of bugs in commit order, each once: behind `after`, or from now on. A filter picks by the "
        "bug as the change left it. Frames and cursors are those of `activity`.",
        extensions=[READS],
    )
    def bug_events(
        self,
        info: Info,
        after: Resume = None,
        filter: Annotated[  # noqa: A002
            BugFilter | None, strawberry.argument(description="What to keep.")
        ] = None,
        min_interval: MinInterval = None,
    ) -> AsyncGenerator[BugEventFrame, None]:
        kept = (filter.resolve() if filter else filters.BugFilter()).checked()

        def wants(fact: Fact) -> bool:
            return isinstance(fact, ActivityFact) and fact.kind == KIND and kept.keeps(told_bug(fact))

        return follow(info, BugEventFrame, after=after, wants=wants, kinds={KIND}, min_interval=min_interval)
