"""Projects: which there are, and new ones."""

from typing import Annotated, Final

import strawberry

from resolvers import projects
from resolvers.api_keys import create_api_key
from resolvers.principals import FIRST_PROJECT, Role
from schema.api_keys import ApiKey
from schema.context import Info
from schema.guards import READS, RUNS
from schema.paging import After, Connection, First, decode_cursor, encode_cursor, page_size
from schema.payloads import REFUSALS, Payload
from schema.selections import selected
from schema.viewer import Project

PLACE: Final = "projects"
FIRST_KEY: Final = "first admin key"


@strawberry.input(description="The project to make.")
class CreateProjectInput:
    name: str = strawberry.field(
        description="1 to 63 lower-case letters, digits and hyphens, no hyphen at either end. It stays as it is."
    )


@strawberry.type(description="The new project, and a key to begin with.")
class CreateProjectPayload(Payload):
    project: Project | None = strawberry.field(default=None, description="The project.")
    secret: str | None = strawberry.field(
        default=None, description="The text of its first admin key, which is shown only here."
    )
    api_key: ApiKey | None = strawberry.field(default=None, description="That key.")


@strawberry.type
class ProjectQuery:
    @strawberry.field(
        description=f"The projects that this key or token may know of: its own, and for administrators of "
        f"`{FIRST_PROJECT}` the names of all.",
        extensions=[READS],
    )
    async def projects(self, info: Info, first: First, after: After = None) -> Connection[Project]:
        principal, limit, total = info.context.principal, page_size(first) + 1, None
        only = None if principal.runs_installation else principal.project_id
        place = decode_cursor(PLACE, after, tuple[int])[0] if after is not None else None
        async with info.context.reading() as session:
            rows = await projects.list_projects(session, only=only, limit=limit, after=place)
            if any(field.name == "totalCount" for field in selected(info)):
                total = await projects.count_projects(session, only=only)
        return Connection.of(
            rows,
            first=first,
            after=after,
            node=lambda row: Project.of(row.id, row.name),
            cursor=lambda row: encode_cursor(PLACE, (row.id,)),
            total_count=total,
        )


@strawberry.type
class ProjectMutation:
    @strawberry.mutation(
        description="Makes a project, with data, keys and members of its own, and its first admin key.",
        extensions=[RUNS, REFUSALS],
    )
    async def create_project(
        self,
        info: Info,
        input: Annotated[CreateProjectInput, strawberry.argument(description="The project.")],  # noqa: A002
    ) -> CreateProjectPayload:
        actor = info.context.principal.name
        async with info.context.writing() as session:
            row = await projects.create_project(session, name=input.name, actor=actor)
            key, secret = await create_api_key(session, project_id=row.id, name=FIRST_KEY, role=Role.ADMIN, actor=actor)
        return CreateProjectPayload(project=Project.of(row.id, row.name), secret=secret, api_key=ApiKey.of(key))
