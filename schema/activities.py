"""The activity feed, as a list and live: every model call, API call and event of the project, in commit order."""

import datetime as dt
from collections.abc import AsyncGenerator
from enum import Enum
from typing import Annotated, Any, Self, cast

import strawberry

from realtime.cursors import encode_cursor
from realtime.facts import ActivityFact, ApiCallFact, Fact, UsageFact, kind_of
from resolvers import activities
from resolvers.errors import Invalid
from schema.activity_nodes import load_node
from schema.api_calls import ApiCall
from schema.context import Info
from schema.frames import MinInterval, Resume, StreamFrame, follow
from schema.guards import READS
from schema.ids import Node, encode_id
from schema.paging import After, Connection, First, page_size
from schema.selections import selected
from schema.severities import Severity
from schema.usage_events import UsageEvent


@strawberry.enum(description="What kind of thing happened.")
class ActivityKind(Enum):
    USAGE = strawberry.enum_value("usage", description="A call of a model.")
    API_CALL = strawberry.enum_value("api_call", description="A served API call.")
    BUG = strawberry.enum_value("bug", description="A bug was filed or changed.")
    RECOMMENDATION = strawberry.enum_value("recommendation", description="A recommendation was issued or changed.")
    ALERT = strawberry.enum_value("alert", description="An alert fired or changed.")
    HEALTH = strawberry.enum_value("health", description="The health of a component changed.")
    DEPLOYMENT = strawberry.enum_value("deployment", description="Something was deployed.")


@strawberry.type(description="One fact of the feed.")
class Activity(Node):
    time: dt.datetime = strawberry.field(description="When it happened.")
    kind: ActivityKind = strawberry.field(description="What kind of thing happened.")
    title: str = strawberry.field(description="What happened, in a line.")
    subject: str | None = strawberry.field(description="Whom it is about.")
    severity: Severity | None = strawberry.field(
        description="How bad it is. Of calls: MEDIUM for those that count as errors (model calls with status ERROR, "
        "API calls with status 500 and above), null for all others."
    )
    fact: strawberry.Private[Fact]

    @strawberry.field(description="What it happened to: the call itself, for calls. Null when that is gone.")
    def node(self, info: Info) -> Node | None:
        match self.fact:
            case UsageFact():
                return UsageEvent.of(self.fact)
            case ApiCallFact():
                return ApiCall.of(self.fact)
            case ActivityFact():
                # Awaited by who executes: calls, which are most of a feed, cost no coroutine.
                return cast("Node | None", load_node(info, self.fact))

    @classmethod
    def of(cls, fact: Fact) -> Self:
        severity = activities.severity_of(fact)
        return cls(
            id=encode_id("Activity", fact.project_id, fact.seq),
            time=fact.time,
            kind=ActivityKind(kind_of(fact)),
            title=_title(fact),
            subject=fact.subject,
            severity=None if severity is None else Severity(severity),
            fact=fact,
        )


@strawberry.type(description="What a stream of activities tells at a time.")
class ActivityFrame(StreamFrame):
    events: list[Activity] = strawberry.field(description="At most 500 facts, in commit order.")

    @classmethod
    def content(cls, facts: list[Fact]) -> dict[str, Any]:
        return {"events": [Activity.of(fact) for fact in facts]}


KINDS_NOTE = f"Only these kinds, at most {len(ActivityKind)}; null or none for all."
Kinds = Annotated[list[ActivityKind] | None, strawberry.argument(description=KINDS_NOTE)]


@strawberry.input(
    description="Keeps facts that have one of the values of each list; an empty list keeps all. A fact that lacks what "
    "is asked for is left out: only model calls have a model and a provider, only API calls have a route."
)
class ActivityFilter:
    subjects: list[str] | None = strawberry.field(default=None, description="Subjects, at most 1,000.")
    models: list[str] | None = strawberry.field(default=None, description="Models, at most 1,000.")
    providers: list[str] | None = strawberry.field(default=None, description="Providers, at most 1,000.")
    routes: list[str] | None = strawberry.field(default=None, description="Route templates, at most 1,000.")
    severities: list[Severity] | None = strawberry.field(default=None, description="Severities, at most 1,000.")

    def resolve(self, kinds: frozenset[str] | None) -> activities.ActivityFilter:
        """The filter meant, of some kinds. Raises Invalid for a list that is too long."""
        return activities.ActivityFilter(
            kinds=kinds,
            subjects=frozenset(self.subjects or ()),
            models=frozenset(self.models or ()),
            providers=frozenset(self.providers or ()),
            routes=frozenset(self.routes or ()),
            severities=frozenset(str(severity.value) for severity in self.severities or ()),
        )


@strawberry.type
class ActivityQuery:
    @strawberry.field(
        name="activities",
        description="Facts of every kind, newest commit first. Cursors are those of the streams.",
        extensions=[READS],
    )
    async def list_activities(
        self, info: Info, first: First, kinds: Kinds = None, after: After = None
    ) -> Connection[Activity]:
        project_id = info.context.principal.project_id
        limit, wanted, total = page_size(first) + 1, _values(kinds), None
        async with info.context.reading() as session:
            facts = await activities.list_activities(
                session, project_id=project_id, kinds=wanted, after=after, limit=limit
            )
            if any(field.name == "totalCount" for field in selected(info)):
                total = await activities.count_activities(session, project_id=project_id, kinds=wanted)
        return Connection.of(
            facts,
            first=first,
            after=after,
            node=Activity.of,
            cursor=lambda fact: encode_cursor(project_id, fact.seq),
            total_count=total,
        )


@strawberry.type
class ActivitySubscription:
    @strawberry.subscription(
        description="Facts of every kind in commit order, each once: behind `after`, or from now on. The first frame "
        "comes at once, empty, with the cursor from which the stream runs; a quiet or filtered stream sends an empty "
        "frame with a newer cursor at most every 15 seconds.",
        extensions=[READS],
    )
    def activity(
        self,
        info: Info,
        after: Resume = None,
        kinds: Kinds = None,
        filter: Annotated[  # noqa: A002
            ActivityFilter | None, strawberry.argument(description="Only what matches; null for all.")
        ] = None,
        min_interval: MinInterval = None,
    ) -> AsyncGenerator[ActivityFrame, None]:
        asked = (filter or ActivityFilter()).resolve(_values(kinds))
        return follow(
            info,
            ActivityFrame,
            after=after,
            wants=asked.keeps,
            kinds=asked.possible_kinds,
            min_interval=min_interval,
        )


def _values(kinds: list[ActivityKind] | None) -> frozenset[str] | None:
    if not kinds:
        return None
    if len(kinds) > len(ActivityKind):
        raise Invalid(f"There are {len(ActivityKind)} kinds.", field="kinds")
    return frozenset(str(kind.value) for kind in kinds)


def _title(fact: Fact) -> str:
    match fact:
        case UsageFact():
            tokens = fact.uncached_tokens + fact.cache_read_tokens + fact.cache_write_tokens
            tokens += fact.visible_tokens + fact.reasoning_tokens
            return f"{fact.model} · {tokens:,} token{'' if tokens == 1 else 's'} · {fact.status}"
        case ApiCallFact():
            return f"{fact.method} {fact.route} · {fact.status}"
        case ActivityFact():
            return fact.title
