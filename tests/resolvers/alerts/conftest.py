"""Fixtures of alerts."""

import pytest

from models import Database, Project
from tests.resolvers.alerts.watching import Lookout


@pytest.fixture
async def lookout(database: Database, project: Project) -> Lookout:
    """A project without rules whose clock stands at the start."""
    lookout = Lookout(database, project.id)
    await lookout.begin()
    return lookout
