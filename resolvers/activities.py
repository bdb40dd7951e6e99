"""The activity feed: every fact of a project, of whatever kind, in the order in which they were committed."""

from collections.abc import Collection

from models import ReadSession
from realtime import replay
from realtime.cursors import BadCursor, decode_cursor
from realtime.facts import Fact
from resolvers.errors import Invalid


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
