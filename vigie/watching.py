"""How the process keeps the watch over components: wired from the settings."""

from functools import partial
from typing import Final

from integrations.guard import Guard
from models import Database
from models.secrets import Vault
from resolvers.components import looks
from resolvers.components.internal import add_internal_components
from resolvers.components.watch import Watch
from resolvers.health_checks.running import run_due_check
from resolvers.projects import list_projects
from resolvers.storage.room import Reserve
from vigie.jobs import Jobs
from vigie.settings import Settings

WATCH_SECONDS: Final = 1.0
"""How soon the watch begins again when it broke."""


class Watching:
    """The watch of this process."""

    def __init__(self, settings: Settings, database: Database, vault: Vault, guard: Guard, reserve: Reserve) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault
        self._guard = guard
        self._reserve = reserve

    async def prepare(self) -> None:
        """Gives each project Vigie's own components."""
        async with self._database.read() as session:
            projects = await list_projects(session)
        for project in projects:
            async with self._database.write() as session:
                await add_internal_components(session, project_id=project.id)

    def watch(self, jobs: Jobs) -> Watch:
        """The watch, over the jobs of this process too."""
        settings, database = self._settings, self._database
        openai_key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else None
        return Watch(
            database,
            looks={
                "database": partial(looks.look_at_database, database),
                "redis": partial(looks.look_at_redis, settings.redis_url),
                "openai": partial(looks.look_at_openai, settings.openai_base_url, openai_key),
                "disk": partial(looks.look_at_disk, settings.data_dir, lambda: self._reserve.refusal),
                "jobs": partial(looks.look_at_jobs, jobs.failures),
                "ingest": partial(looks.look_at_ingest, database),
            },
            check=self._check,
            terms=settings.watch,
        )

    async def _check(self, project_id: int, number: int) -> str:
        return await run_due_check(
            self._database, project_id=project_id, number=number, vault=self._vault, guard=self._guard
        )
