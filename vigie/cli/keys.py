"""`vigie keys`: who may talk to this installation."""

import datetime as dt
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from models import ApiKey, Database
from resolvers.api_keys import create_api_key, list_api_keys, revoke_api_key
from resolvers.principals import Role
from vigie.cli.database import project_named, with_database
from vigie.cli.output import errors, new_app, out

app = new_app(help="Make, list and revoke API keys. Only a hash of a key is stored: its text is shown once.")

ACTOR = "cli"
PAGE = 200

ProjectName = Annotated[str, typer.Option("--project", help="The project that the key belongs to.")]


@app.command(
    epilog=(
        "Examples: [bold]vigie keys create --role ingest --name ci[/] · "
        "[bold]KEY=$(vigie keys create --role reader --expires P30D)[/]"
    )
)
def create(
    role: Annotated[Role, typer.Option(help="ingest sends, reader reads, editor does both and changes, admin all.")],
    name: Annotated[str | None, typer.Option(help="What it is for; default: the role.", show_default=False)] = None,
    project: ProjectName = "default",
    expires: Annotated[
        str | None, typer.Option(help="P30D, PT12H, 2027-01-31, …; default: never.", show_default=False)
    ] = None,
) -> None:
    """Make a key and print its text, once, on standard output."""
    expires_at = _end(expires) if expires else None

    async def work(database: Database) -> tuple[ApiKey, str]:
        async with database.write() as session:
            owner = await project_named(session, project)
            return await create_api_key(
                session, project_id=owner.id, name=name or role.value, role=role, actor=ACTOR, expires_at=expires_at
            )

    key, secret = with_database(work)
    until = f"until {_minute(key.expires_at)}" if key.expires_at else "until it is revoked"
    errors.print(f"Key {key.id} of project {project}, role {role.value}, {until}. Keep it: it cannot be shown again.")
    typer.echo(secret)


@app.command("list", epilog="Example: [bold]vigie keys list --project shop[/]")
def show(project: ProjectName = "default") -> None:
    """List the keys of a project, the newest first."""

    async def work(database: Database) -> Table:
        table = Table("id", "name", "role", "begins with", "made", "last used", "state", box=None, pad_edge=False)
        async with database.read() as session:
            owner = await project_named(session, project)
            before = None
            while keys := await list_api_keys(session, project_id=owner.id, limit=PAGE, before=before):
                before = keys[-1].id
                for key in keys:
                    used = _minute(key.last_used_at) if key.last_used_at else "never"
                    row = (key.name, key.role, f"{key.prefix}…", _minute(key.created_at), used, _state(key))
                    table.add_row(str(key.id), *row)
        return table

    out.print(with_database(work))


@app.command(epilog="Example: [bold]vigie keys revoke 3[/]")
def revoke(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="As `vigie keys list` shows it.", show_default=False)],
    project: ProjectName = "default",
) -> None:
    """End a key for good."""

    async def work(database: Database) -> ApiKey:
        async with database.write() as session:
            owner = await project_named(session, project)
            return await revoke_api_key(session, project_id=owner.id, key_id=key_id, actor=ACTOR)

    key = with_database(work)
    out.print(f"Key {key.id} ({key.name}) is revoked. A running Vigie refuses it within 2 seconds.", markup=False)


def _end(text: str) -> dt.datetime:
    """The end that `--expires` names: a length of time from now, or a date or time in UTC."""
    try:
        if text.upper().startswith("P"):
            return dt.datetime.now(dt.UTC) + msgspec.convert(text.upper(), dt.timedelta)
        time = dt.datetime.fromisoformat(text)
        return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)
    except (msgspec.ValidationError, ValueError, OverflowError):
        raise typer.BadParameter(
            f"`{text}` is neither a length of time (P30D, PT12H) nor a date (2027-01-31).", param_hint="--expires"
        ) from None


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {_minute(key.revoked_at)}"
    if key.expires_at is None:
        return "active"
    expired = key.expires_at <= dt.datetime.now(dt.UTC)
    return f"expired {_minute(key.expires_at)}" if expired else f"active until {_minute(key.expires_at)}"


def _minute(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
