"""Comments: what people say about a bug, in order."""

from collections.abc import Collection

from sqlalchemy import func, select, tuple_

from models import BugComment, ReadSession, WriteSession
from resolvers.bugs.changing import time_of_change
from resolvers.bugs.fields import TEXT
from resolvers.bugs.reading import get_bug
from resolvers.bugs.telling import tell
from resolvers.errors import NotFound
from resolvers.locks import lock_project
from resolvers.texts import check_text


async def comment_on_bug(session: WriteSession, *, project_id: int, actor: str, number: int, body: str) -> BugComment:
    """Adds a comment in Markdown. The bug's version stays. Raises NotFound, or Invalid for an empty or long one."""
    body = check_text(body, field="body", most=TEXT)
    await lock_project(session, project_id=project_id)
    bug = await get_bug(session, project_id=project_id, number=number)
    if bug is None:
        raise NotFound("There is no such bug in this project.", field="number")
    last_id = await session.scalar(select(func.max(BugComment.id)).where(BugComment.project_id == project_id))
    now = time_of_change(bug)
    comment = BugComment(
        project_id=project_id, id=(last_id or 0) + 1, bug_number=number, author=actor, body=body, created_at=now
    )
    session.add(comment)
    bug.comments += 1
    bug.updated_at = now
    tell(session, bug, "commented", actor=actor, now=now, comment=comment.id)
    return comment


async def get_comment(session: ReadSession, *, project_id: int, comment_id: int) -> BugComment | None:
    """The comment with that number in the project."""
    return (await comments_by_id(session, [(project_id, comment_id)])).get((project_id, comment_id))


async def comments_by_id(session: ReadSession, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], BugComment]:
    """The comments with these project ids and numbers."""
    rows = await session.scalars(select(BugComment).where(tuple_(BugComment.project_id, BugComment.id).in_(list(keys))))
    return {(row.project_id, row.id): row for row in rows}
