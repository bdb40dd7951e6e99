"""An empty tracker."""

import pytest

from models import Database, Project
from tests.resolvers.bugs.tracker import Tracker


@pytest.fixture
def tracker(database: Database, project: Project) -> Tracker:
    return Tracker(database, project)
