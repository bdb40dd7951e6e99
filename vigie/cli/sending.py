"""What `vigie replay` and `vigie demo` share: finding the server and the key, a progress bar, and the last words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from vigie.cli.output import INTERRUPTED, WRONG, errors, fail, out
from vigie.replay.delivery import Tally
from vigie.replay.sender import Sender, SendError
from vigie.settings import Settings

SHOWN_REASONS = 5

UrlOption = Annotated[str | None, typer.Option("--url", help="Vigie's address; default: VIGIE_HOST and VIGIE_PORT.")]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="An API key; default: VIGIE_API_KEY, then VIGIE_ADMIN_KEY.")
]


class _Sent(ProgressColumn):
    """How many events have been answered, and at what rate."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def render(self, task: Task) -> Text:
        rate = self._tally.sent / task.elapsed if task.elapsed else 0.0
        return Text(f"{self._tally.sent:,} · {rate:,.0f}/s")


@contextmanager
def connected(settings: Settings, url: str | None, key: str | None) -> Iterator[Sender]:
    """A sender to the running Vigie. Ends the command when there is no key, or when sending fails for good."""
    secret = key or next((given.get_secret_value() for given in (settings.api_key, settings.admin_key) if given), None)
    if secret is None:
        fail("No API key.", "pass --key or set VIGIE_API_KEY; `vigie keys create --role admin` makes one")
    said: set[str] = set()

    def on_wait(reason: str) -> None:
        if reason not in said:
            said.add(reason)
            errors.print(f"[yellow]waiting:[/] {escape(reason)}")

    try:
        with Sender(url or settings.url, secret, on_wait=on_wait) as sender:
            yield sender
    except SendError as error:
        fail(f"{error}.", "run the same command again when this is mended: nothing is stored twice")


@contextmanager
def interruptible() -> Iterator[None]:
    """Ends the command in words on Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        errors.print("Interrupted. Run the same command again to go on: nothing is stored twice.")
        raise typer.Exit(INTERRUPTED) from None


def bar(title: str, tally: Tally | None = None) -> Progress:
    """A progress bar on standard error; where that is no terminal, nothing."""
    counts = [_Sent(tally)] if tally is not None else []
    columns = (TextColumn(escape(title)), BarColumn(), TaskProgressColumn(), *counts, TimeRemainingColumn())
    return Progress(*columns, console=errors, disable=not errors.is_terminal)


def finish(tally: Tally) -> None:
    """Says what became of everything; ends the command with an error when nothing of it is stored."""
    counts = {name: getattr(tally, name) for name in ("sent", "accepted", "duplicates", "rejected", "malformed")}
    out.print(" · ".join(f"{count:,} {name}" for name, count in counts.items()))
    for reason, count in tally.reasons.most_common(SHOWN_REASONS):
        errors.print(f"[yellow]{count:,} ×[/] {escape(reason)} [dim](first in line {tally.first[reason]:,})[/]")
    if len(tally.reasons) > SHOWN_REASONS:
        errors.print(f"[dim]and {len(tally.reasons) - SHOWN_REASONS} other reasons[/]")
    if not tally.accepted + tally.duplicates:
        raise typer.Exit(WRONG)
