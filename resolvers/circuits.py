"""What the feed tells of circuit breakers: that one has opened, and that it has closed."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from uuid_utils import uuid7

from integrations.circuits import CLOSED, Circuit
from models import Activity, Database, Project
from resolvers.components.telling import KIND

TELL_SECONDS: Final = 1.0
MOST_WAITING: Final = 100


class CircuitNews:
    """Keeps what circuits of a process have become until it is told; of a channel, to its project alone."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._waiting: list[Circuit] = []

    def changed(self, circuit: Circuit) -> None:
        """Takes a change in. Beyond a hundred that wait, the oldest are forgotten."""
        self._waiting = [*self._waiting, circuit][-MOST_WAITING:]

    async def tell(self, database: Database) -> None:
        """Announces what waits, to the projects that it is about. What cannot be stored waits on."""
        if not self._waiting:
            return
        told = list(self._waiting)
        async with database.read() as session:
            projects = await session.scalars(select(Project.id).order_by(Project.id))
        async with database.write() as session:
            for project_id in projects:
                for circuit in told:
                    if _owner_of(circuit) in (None, project_id):
                        session.announce(self._activity(project_id, circuit))
        self._waiting = [circuit for circuit in self._waiting if circuit not in told]

    def _activity(self, project_id: int, circuit: Circuit) -> Activity:
        what = "works again" if circuit.state == CLOSED else "failed again and again and is left alone for a while"
        name = circuit.kind if _owner_of(circuit) is None else f"{circuit.kind} {circuit.name.rpartition(':')[2]}"
        return Activity(
            project_id=project_id,
            time=dt.datetime.fromtimestamp(circuit.since, dt.UTC),
            id=str(uuid7()),
            kind=KIND,
            name=f"{KIND}.circuit_{circuit.state}",
            title=f"{name}: {what}",
            subject=None,
            severity=None if circuit.state == CLOSED else "medium",
            node_type=None,
            node_key=None,
            payload={"circuit": circuit.name, "state": circuit.state, "process": self._process},
        )


def of_project(circuits: Sequence[Circuit], project_id: int) -> list[Circuit]:
    """The circuits that a project may see: the process's, and those of its own channels."""
    return [circuit for circuit in circuits if _owner_of(circuit) in (None, project_id)]


def _owner_of(circuit: Circuit) -> int | None:
    _, *place = circuit.name.split(":")
    return int(place[0]) if place else None
