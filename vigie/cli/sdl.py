"""`vigie sdl`: the schema in its own language."""

from pathlib import Path
from typing import Annotated

import typer

from vigie.cli.output import out


def sdl(
    write: Annotated[bool, typer.Option("--write", help="Write it to schema/schema.graphql of the checkout.")] = False,
) -> None:
    """Print the GraphQL schema.

    Code generators of frontends read it: [bold]vigie sdl > schema.graphql[/]
    """
    import schema  # noqa: PLC0415 — takes a second, which no other command should wait for

    text = schema.schema.as_str() + "\n"
    if write:
        path = Path(schema.__file__).with_name("schema.graphql")
        path.write_text(text)
        out.print(f"{path} is written.", markup=False)
    else:
        typer.echo(text, nl=False)
