"""The activity feed: every fact of a project, of whatever kind, in the order in which they were committed."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Final

from models import ReadSession
from realtime import replay
from realtime.cursors import BadCursor, decode_cursor
from realtime.facts import API_CALL, USAGE, ActivityFact, ApiCallFact, Fact, UsageFact, kind_of
from resolvers.errors import Invalid

MOST_VALUES: Final = 1000


def severity_of(fact: Fact) -> str | None:
    """How bad a fact is; None when it is not bad at all. Calls that count as errors are `medium`."""
    match fact:
        case UsageFact():
            return "medium" if fact.status == "error" else None
        case ApiCallFact():
            return "medium" if fact.status >= 500 else None
        case ActivityFact():
            return fact.severity


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Keeps facts of some `kinds` (None: of all) that have one of the values of each list that is not empty.

    Raises Invalid past 1,000 values in a list.
    """

    kinds: frozenset[str] | None = None
    subjects: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for field in fields(self):
            if len(getattr(self, field.name) or ()) > MOST_VALUES:
                raise Invalid(f"A filter takes at most {MOST_VALUES} values a list.", field=f"filter.{field.name}")

    @property
    def possible_kinds(self) -> frozenset[str] | None:
        """The only kinds whose facts can be kept; None for all."""
        kinds = self.kinds
        for asked, kind in ((self.models or self.providers, USAGE), (self.routes, API_CALL)):
            if asked:
                kinds = frozenset({kind}) if kinds is None else kinds & {kind}
        return kinds

    def keeps(self, fact: Fact) -> bool:
        if self.kinds is not None and kind_of(fact) not in self.kinds:
            return False
        if self.subjects and fact.subject not in self.subjects:
            return False
        if self.severities and severity_of(fact) not in self.severities:
            return False
        model, provider = (fact.model, fact.provider) if isinstance(fact, UsageFact) else (None, None)
        route = fact.route if isinstance(fact, ApiCallFact) else None
        asked = ((self.models, model), (self.providers, provider), (self.routes, route))
        return all(value in values for values, value in asked if values)


def place_of(cursor: str | None, *, project_id: int) -> int | None:
    """The place in a stream cursor. Raises Invalid for garbage and for cursors of other projects."""
    try:
        return None if cursor is None else decode_cursor(cursor, project_id=project_id)
    except BadCursor as bad:
        raise Invalid(str(bad), field="after") from bad


async def list_activities(
    session: ReadSession, *, project_id: int, kinds: Collection[str] | None, after: str | None, limit: int
) -> list[Fact]:
    """At most `limit` facts behind a stream cursor, newest commit first, of some kinds (None: of all).

    Raises Invalid for a cursor that is not of this project.
    """
    before = place_of(after, project_id=project_id)
    try:
        return await replay.list_newest(session, project_id=project_id, before=before, kinds=kinds, limit=limit)
    except BadCursor as bad:
        raise Invalid(str(bad), field="after") from bad


async def count_activities(session: ReadSession, *, project_id: int, kinds: Collection[str] | None) -> int:
    """How many facts there are of some kinds (None: of all). Costs a scan of their index."""
    return await replay.count(session, project_id=project_id, kinds=kinds)


async def get_activity(session: ReadSession, *, project_id: int, seq: int) -> Fact | None:
    """The fact with a number, or None when there is none or retention has taken it."""
    span = await replay.read_span(session, project_id=project_id, after=seq - 1, limit=1)
    return next((fact for fact in span.facts if fact.seq == seq), None)
