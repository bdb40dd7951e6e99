"""`vigie projects`: the tenants of this installation."""

from typing import Annotated

import typer
from rich.table import Table

from models import Database
from resolvers.projects import create_project, list_projects
from vigie.cli.database import with_database
from vigie.cli.output import new_app, out, suggest

app = new_app(help="Make and list projects: each has data and keys of its own, which no other project sees.")

ACTOR = "cli"


@app.command(epilog="Example: [bold]vigie projects create shop[/]")
def create(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens.", show_default=False)],
) -> None:
    """Make a project."""

    async def work(database: Database) -> None:
        async with database.write() as session:
            await create_project(session, name=name, actor=ACTOR)

    with_database(work)
    out.print(f"Project [bold]{name}[/] is there.")
    suggest(f"`vigie keys create --project {name} --role admin` makes its first key")


@app.command("list")
def show() -> None:
    """List all projects."""

    async def work(database: Database) -> Table:
        table = Table("project", "made", box=None, pad_edge=False)
        async with database.read() as session:
            for project in await list_projects(session):
                table.add_row(project.name, f"{project.created_at:%Y-%m-%d %H:%M} UTC")
        return table

    out.print(with_database(work))
