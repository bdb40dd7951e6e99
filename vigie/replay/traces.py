"""A trace: a file of lines, opened for reading as a stream of events with ids of their own.

trace = open_trace(file, format_name=None, model="gpt-4", provider="azure")
for line in trace.lines():
    line.number, line.end, line.event or line.fault
"""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from vigie.replay.formats import LOOKED_AT, Event, LineError, ReadLine, detect, reader

LONGEST_LINE: Final = 1 << 20  # what is longer counts as several lines
READ_AT_ONCE: Final = 1 << 20
DIGEST_CHARACTERS: Final = 32


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a trace: its event, or the fault that makes it malformed. `end` is its last byte's place."""

    number: int
    end: int
    event: Event | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace and what its ids are made of: the SHA-256 of the file and the number of the line."""

    file: BinaryIO
    size: int
    digest: str
    format_name: str
    read_line: ReadLine

    def lines(self) -> Iterator[Line]:
        """The lines with an event or a fault, from the start; blank ones and headers are left out."""
        end, number, following = 0, 1, 1
        for raw in _raw_rows(self.file) if self.format_name == "csv" else _raw_lines(self.file):
            end += len(raw)
            number, following = following, following + raw.count(b"\n")
            text = _text(raw)
            if not text:
                continue
            try:
                event = self.read_line(text)
            except LineError as error:
                yield Line(number, end, fault=str(error))
                continue
            if event is not None:
                if not event.get("id"):
                    event["id"] = f"{self.digest[:DIGEST_CHARACTERS]}-{number}"
                yield Line(number, end, event)


def open_trace(
    file: BinaryIO,
    *,
    format_name: str | None,
    model: str,
    provider: str,
    on_read: Callable[[int], None] = lambda _: None,
) -> Trace:
    """Reads the whole file once for its digest, telling `on_read` how many bytes it has read so far.

    Raises FormatError when `format_name` is None and the first lines tell nothing.
    """
    sha256 = hashlib.sha256()
    size = 0
    file.seek(0)
    while chunk := file.read(READ_AT_ONCE):
        sha256.update(chunk)
        size += len(chunk)
        on_read(size)
    first = [text for raw in itertools.islice(_raw_lines(file), LOOKED_AT) if (text := _text(raw))]
    name = format_name or detect(first)
    header = first[0] if first else ""
    return Trace(file, size, sha256.hexdigest(), name, reader(name, header, model=model, provider=provider))


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    return iter(lambda: file.readline(LONGEST_LINE), b"")


def _raw_rows(file: BinaryIO) -> Iterator[bytes]:
    """The rows of CSV: lines, joined where a quoted cell goes on. What is too long counts as several rows."""
    row, quotes = b"", 0
    for line in _raw_lines(file):
        row += line
        quotes += line.count(b'"')
        if quotes % 2 == 0 or len(row) > LONGEST_LINE:
            yield row
            row, quotes = b"", 0
    if row:
        yield row


def _text(raw: bytes) -> str:
    return raw.decode(errors="backslashreplace").removeprefix("\ufeff").strip()
