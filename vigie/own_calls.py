"""What Vigie serves itself, recorded like any application's calls: by the SDK's middleware, in the project `vigie`.

The middleware hands each call over here instead of to HTTP; once a second they go through the checks and the writer
that all events go through. What the second has no room for is dropped and counted: watching costs a bounded part of
what is watched, and nothing watches the watching.
"""

import datetime as dt
from typing import Any, Final

from prometheus_client import Counter
from starlette.types import Scope

from models import Database
from models.outages import database_is_down
from resolvers.errors import Unavailable
from resolvers.events.decoding import from_objects
from resolvers.events.inputs import ApiCallInput
from resolvers.events.recording import record
from resolvers.events.writer import Writer
from resolvers.projects import get_project
from vigie.bootstrap import OWN_PROJECT
from vigie.http import DOORS

STORE_SECONDS: Final = 1.0
MOST_CALLS: Final = 200
"""That are recorded a second."""
MOST_OF_DOORS: Final = 20
"""Of these, requests that bring in events: each holds many of them, or there are very many."""
NOT_RECORDED: Final = ("/health", "/metrics", "/graphiql/")

DROPPED: Final = Counter("vigie_own_calls_dropped_total", "Requests to Vigie that it did not record in project vigie.")


class OwnCalls:
    """Where the middleware records to. Knows the project `vigie` once it is `prepared`."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._project_id: int | None = None
        self._waiting: list[dict[str, Any]] = []
        self._of_doors = 0

    async def prepare(self) -> None:
        """Looks the project up, which exists from the first start on."""
        async with self._database.read() as session:
            project = await get_project(session, name=OWN_PROJECT)
        self._project_id = project.id if project else None

    def excludes(self, scope: Scope) -> bool:
        """Whether the middleware lets a request pass: probes, and events beyond what this second has room for."""
        path: str = scope["path"]
        if path not in DOORS:
            return path.startswith(NOT_RECORDED)
        self._of_doors += 1
        return self._of_doors > MOST_OF_DOORS

    def record(self, event: dict[str, Any]) -> None:
        """Takes a call, while there is room for it in this second."""
        if len(self._waiting) < MOST_CALLS:
            self._waiting.append(event)
        else:
            DROPPED.inc()

    async def store(self) -> None:
        """Stores what waits. What the writer cannot take is dropped: users' events come first."""
        DROPPED.inc(max(self._of_doors - MOST_OF_DOORS, 0))
        calls, self._waiting, self._of_doors = self._waiting, [], 0
        if not calls or self._project_id is None:
            return
        for call in calls:
            call["time"] = dt.datetime.fromtimestamp(call["time"], dt.UTC)
        try:
            decoded = from_objects(ApiCallInput, calls)
            await record(self._writer, project_id=self._project_id, decoded=decoded, door="own")
        except Exception as error:
            DROPPED.inc(len(calls))
            if not isinstance(error, Unavailable) and not database_is_down(error):
                raise
