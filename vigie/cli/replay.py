"""`vigie replay`: a recorded trace, sent to a running Vigie."""

import datetime as dt
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from vigie.cli.output import errors, fail
from vigie.cli.sending import KeyOption, UrlOption, bar, connected, finish, interruptible
from vigie.replay.anchors import anchor
from vigie.replay.delivery import Delivery, Pace
from vigie.replay.formats import FormatError, time_of
from vigie.replay.traces import Trace, open_trace
from vigie.settings import Settings, load_settings


def replay(
    file: Annotated[str, typer.Argument(help="The trace; `-` reads standard input.", show_default=False)],
    url: UrlOption = None,
    key: KeyOption = None,
    speed: Annotated[str, typer.Option(help="max, original, or how many times as fast as the original.")] = "max",
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="Move the times to the present: the trace ends now.")
    ] = False,
    model: Annotated[str, typer.Option(help="The model of traces that name none.")] = "gpt-4",
    provider: Annotated[str, typer.Option(help="The provider of traces that name none.")] = "azure",
    format_name: Annotated[
        Literal["auto", "azure", "access-log", "csv", "events"], typer.Option("--format", help="What the file is.")
    ] = "auto",
) -> None:
    """Send a recorded trace to a running Vigie.

    Understands Azure LLM traces (TIMESTAMP,ContextTokens,GeneratedTokens), access logs in combined format (Apache,
    nginx), and what Vigie exported itself: CSV, and JSONL of events.

    Times are those of the file. Run it again as often as you like, also after an interruption: ids are made of the
    file's digest and the line number, so nothing is stored twice. With --shift-to-now the first run decides by how much
    the times move, and later runs keep to it; at the original speed the trace then begins now instead of ending now.
    """
    settings = load_settings()
    pace = Pace(_speed(speed))
    with interruptible(), _opened(file) as stream:
        with bar("reading") as progress:
            size = stream.seek(0, 2)
            task = progress.add_task("reading", total=size)
            try:
                trace = open_trace(
                    stream,
                    format_name=None if format_name == "auto" else format_name,
                    model=model,
                    provider=provider,
                    on_read=lambda done: progress.update(task, completed=done),
                )
            except FormatError as error:
                fail(f"{file}: {error}.", "name the format with --format when the file begins with other lines")
        with connected(settings, url, key) as sender:
            shift = _shift(settings, trace, sender.url, live=speed == "original") if shift_to_now else None
            delivery = Delivery(sender, pace=pace, shift=shift)
            with bar(f"{trace.format_name} → {sender.url}", delivery.tally) as progress:
                task = progress.add_task("sending", total=trace.size)
                for line in trace.lines():
                    if line.event is None:
                        delivery.tally.malformed += 1
                        delivery.tally.note(f"malformed: {line.fault}", line.number)
                    elif delivery.put(line.number, line.event):
                        progress.update(task, completed=line.end)
                delivery.flush()
                progress.update(task, completed=trace.size)
            finish(delivery.tally)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = 1.0 if text == "original" else float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise typer.BadParameter(f"`{text}` is none of max, original, or a number such as 10.", param_hint="--speed")
    return speed


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """The file, or a copy of what cannot be read twice: the first time is for its digest."""
    with ExitStack() as closing:
        try:
            stream = sys.stdin.buffer if name == "-" else closing.enter_context(Path(name).open("rb"))
            if not stream.seekable():
                copy = closing.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(stream, copy)
                stream = copy
        except OSError as error:
            fail(f"{name} cannot be read: {error.strerror}.")
        yield stream


def _shift(settings: Settings, trace: Trace, url: str, *, live: bool) -> dt.timedelta:
    """By how much the times move: as the first replay of this trace to this server decided."""

    def decide() -> dt.timedelta:
        times = [time for line in trace.lines() if line.event and (time := time_of(line.event))]
        if not times:
            fail("No line of the trace has a time that could be shifted.")
        return dt.datetime.now(dt.UTC) - (min(times) if live else max(times))

    kept, is_new = anchor(settings.data_dir / "replays", url=url, digest=trace.digest, decide=decide)
    if not is_new:
        errors.print(f"Times are shifted as in the first replay of {kept.made_at:%Y-%m-%d %H:%M} UTC.")
    return kept.shift
