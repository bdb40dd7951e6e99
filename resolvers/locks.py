"""Turns: what must happen one after the other in a project."""

from sqlalchemy import select

from models import Project, WriteSession


async def lock_project(session: WriteSession, *, project_id: int) -> None:
    """Holds the project's row until the commit. What is read after it is what the one before has committed."""
    await session.execute(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True))
