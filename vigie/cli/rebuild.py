"""`vigie rebuild`: roll-ups made anew from the single calls."""

import datetime as dt
from typing import Annotated

import typer

from models import Database
from resolvers.retentions.settings import get_floors
from resolvers.revisions import revise
from resolvers.rollups.rebuild import ONE_DAY
from resolvers.rollups.rebuild import rebuild as make_anew
from vigie.cli.backup import bar
from vigie.cli.database import project_named, with_database
from vigie.cli.output import fail, out

DAY = ["%Y-%m-%d"]


def rebuild(
    start: Annotated[dt.datetime, typer.Option("--from", formats=DAY, help="The first day (UTC).", show_default=False)],
    end: Annotated[dt.datetime, typer.Option("--to", formats=DAY, help="The last day (UTC).", show_default=False)],
    project: Annotated[str, typer.Option("--project", help="The project whose roll-ups are made anew.")] = "default",
) -> None:
    """Make the roll-ups of some days anew from the single calls.

    A repair for figures that are in doubt. May run beside a server, a transaction a day. Days whose calls retention has
    taken are left as they are.
    """
    first, last = (time.replace(tzinfo=dt.UTC) for time in (start, end))
    if first > last:
        fail("`--from` lies behind `--to`.")

    async def work(database: Database) -> int:
        async with database.read() as session:
            project_id = (await project_named(session, project)).id
            floor = (await get_floors(session, project_id=project_id)).facts
        days = [first + day * ONE_DAY for day in range((last - first).days + 1)]
        kept = [day for day in days if day >= floor]
        with bar(f"roll-ups of {project}") as progress:
            for day in progress.track(kept):
                await make_anew(database, project_id, day, day + ONE_DAY)
        async with database.write() as session:
            await revise(session, project_id=project_id)
        return len(kept)

    out.print(f"{with_database(work):,} days are made anew.")
