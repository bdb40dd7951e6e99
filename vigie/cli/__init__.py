"""The command line: one file for each command."""

from vigie.cli import keys, projects
from vigie.cli.backup import backup, restore
from vigie.cli.database import migrate_database
from vigie.cli.demo import demo
from vigie.cli.doctor import doctor
from vigie.cli.output import new_app
from vigie.cli.rebuild import rebuild
from vigie.cli.replay import replay
from vigie.cli.sdl import sdl
from vigie.cli.serve import serve

app = new_app(
    help=(
        "Vigie, the lookout: what a product on language models costs, how it performs, what is broken.\n\n"
        "Begin with [bold]vigie serve[/] and open the address that it prints. Settings are VIGIE_* variables: "
        "docs/operating.md lists them, [bold]vigie doctor[/] checks them."
    )
)
app.command(epilog="Example: [bold]VIGIE_PORT=9000 VIGIE_DATABASE_URL=postgresql://vigie@db/vigie vigie serve[/]")(
    serve
)
app.command("migrate", epilog="Example: [bold]vigie migrate[/]")(migrate_database)
app.add_typer(projects.app, name="projects")
app.add_typer(keys.app, name="keys")
app.command(
    epilog=(
        "Examples: [bold]vigie replay access.log[/] · [bold]vigie replay azure.csv --speed 60 --shift-to-now[/] · "
        "[bold]zcat access.log.2.gz | vigie replay -[/]"
    )
)(replay)
app.command(epilog="Examples: [bold]vigie demo[/] · [bold]vigie demo --days 30[/] · [bold]vigie demo --live[/]")(demo)
app.command(epilog="Example: [bold]vigie backup /mnt/backups/vigie-$(date +%F).db[/]")(backup)
app.command(epilog="Example: [bold]vigie restore /mnt/backups/vigie-2026-11-21.db[/]")(restore)
app.command(epilog="Example: [bold]vigie rebuild --from 2026-11-01 --to 2026-11-21[/]")(rebuild)
app.command(epilog="Example: [bold]vigie doctor[/]")(doctor)
app.command(epilog="Example: [bold]vigie sdl --write[/]")(sdl)
