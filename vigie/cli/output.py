"""What commands print, and how they end when something is wrong: a sentence and a remedy, never a traceback."""

import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError
from typer.core import TyperGroup

from resolvers.errors import Refusal
from vigie.settings import SettingsError

WIDE = 160
"""Columns where a program reads, who needs no line breaks."""

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

WRONG = 1
WRONG_SETTINGS = 2
INTERRUPTED = 130


def fail(message: str, remedy: str | None = None, *, code: int = WRONG) -> NoReturn:
    """Ends the command with what is wrong and what to do about it."""
    errors.print(f"[bold red]Error:[/] {escape(message)}")
    if remedy:
        suggest(remedy, console=errors)
    raise typer.Exit(code)


def suggest(remedy: str, *, console: Console = out, indent: int = 0) -> None:
    """Prints what to do next. `vigie ...` in backquotes is printed so that it can be pasted where the person is."""
    console.print(f"{'':{indent}}[dim]→[/] {escape(remedy.replace('`vigie ', f'`{command()} '))}")


def command() -> str:
    """How this program is called from where the person is."""
    program = Path(sys.argv[0])
    if shutil.which("vigie") or program.name != "vigie":
        return "vigie"
    try:
        return str(program.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(program)


class Commands(TyperGroup):
    """Commands whose expected failures end in sentences."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            for problem in error.problems:
                errors.print(f"[bold red]{problem.variable}[/] {escape(problem.message)}")
            suggest("`vigie doctor` checks every setting", console=errors)
            raise typer.Exit(WRONG_SETTINGS) from None
        except Refusal as refusal:
            fail(refusal.message)
        except (SQLAlchemyError, OSError) as error:
            fail(_first_line(error), "`vigie doctor` finds out what is wrong")


def new_app(*, help: str) -> typer.Typer:  # noqa: A002 — typer's own word
    """A command group as all of Vigie's are."""
    return typer.Typer(
        cls=Commands, help=help, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
    )


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
