"""The formats of traces: one line in, one event of `POST /v1/events` out.

    ReadLine      a function from a line of text to an event, None for a line that holds none by design (a header)
    ├── usage_of_azure      TIMESTAMP,ContextTokens,GeneratedTokens     one model call a line
    ├── call_of_access_log  combined or common log format               one served request a line
    ├── event_of_row        CSV that Vigie exported                     one call a row, which may span lines
    └── event_of_json       JSONL of our own events

A line that cannot be read raises LineError with the reason. `time` is a datetime, but in events of ours, which stay as
they are written: they alone may bring an id.
"""

import csv
import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any, Final

import orjson

from resolvers.exports.columns import API_CALLS, USAGE, Column, event_in

Event = dict[str, Any]
ReadLine = Callable[[str], Event | None]

NAMES: Final = ("azure", "access-log", "csv", "events")
LOOKED_AT: Final = 200
LONGEST_CELL: Final = 1 << 20

csv.field_size_limit(LONGEST_CELL)

_AZURE_COLUMNS: Final = ("timestamp", "contexttokens", "generatedtokens")
_AZURE_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?")
_LOG_LINE: Final = re.compile(
    r'.*? \[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)(?: |$)'
)
_REQUEST_LINE: Final = re.compile(r"([A-Za-z-]{1,16}) (\S.*?)(?: HTTP/\d(?:\.\d)?)?")
_MONTHS: Final = {
    name: f"{number:02}" for number, name in enumerate(re.findall("...", "JanFebMarAprMayJunJulAugSepOctNovDec"), 1)
}


class LineError(ValueError):
    """A line that is none of its format, and why."""


class FormatError(ValueError):
    """A file that looks like none of the formats, or not like the one that it is said to have."""


def reader(name: str, header: str, *, model: str, provider: str) -> ReadLine:
    """The function that reads lines of this format. `header` is the first line; `model` is for traces without one.

    Raises FormatError for CSV whose header is none of ours.
    """
    if name == "azure":
        columns = _azure_columns(header) or _azure_columns(",".join(_AZURE_COLUMNS)) or {}
        return partial(usage_of_azure, columns=columns, model=model, provider=provider)
    if name == "csv":
        found = _own_columns(header)
        if found is None:
            raise FormatError(f"the first line does not name the columns of an export ({_named(USAGE)}, …)")
        kind, row = found
        return partial(event_of_row, kind=kind, columns=row, header=header)
    return {"access-log": call_of_access_log, "events": event_of_json}[name]


def detect(lines: Iterable[str]) -> str:
    """The name of the format that the first lines of a file have. Raises FormatError with what is understood."""
    for line in lines:
        if _azure_columns(line):
            return "azure"
        if _own_columns(line):
            return "csv"
        for name, read in (("events", event_of_json), ("access-log", call_of_access_log)):
            try:
                read(line)
            except LineError:
                continue
            return name
    raise FormatError(
        "no line among the first looks like an Azure LLM trace (TIMESTAMP,ContextTokens,GeneratedTokens), "
        "an access log in combined format, CSV that Vigie exported, or JSONL of Vigie's events"
    )


def usage_of_azure(line: str, *, columns: dict[str, int], model: str, provider: str) -> Event | None:
    """A model call of the Azure LLM inference traces; times without an offset are UTC."""
    values = [value.strip().strip('"') for value in line.split(",")]
    try:
        time, context, generated = (values[columns[name]] for name in _AZURE_COLUMNS)
    except IndexError:
        raise LineError(f"{len(values)} columns where {len(columns)} are named") from None
    if time.lower() == "timestamp":
        return None
    if not (context.isdecimal() and generated.isdecimal()):
        raise LineError("token counts that are no whole numbers")
    return {
        "type": "usage",
        "time": _azure_time(time),
        "provider": provider,
        "model": model,
        "tokens": {"input": int(context), "output": int(generated)},
    }


def call_of_access_log(line: str) -> Event:
    """A served request of an access log as Apache and nginx write it. The route is the path without its query."""
    match = _LOG_LINE.match(line)
    if match is None:
        raise LineError("not in combined or common log format")
    day, month, year, clock, offset, request, status, size = match.groups()
    asked = _REQUEST_LINE.fullmatch(request)
    if asked is None:
        raise LineError("no method and path in its request line")
    method, target = asked.groups()
    return {
        "type": "apiCall",
        "time": _log_time(day, month, year, clock, offset),
        "method": method.upper(),
        "route": _path(target),
        "status": int(status),
        "responseBytes": 0 if size == "-" else int(size),
    }


def event_of_json(line: str) -> Event:
    """One of our own events, as it is."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise LineError(f"not JSON: {error}") from None
    if not isinstance(event, dict) or event.get("type") not in ("usage", "apiCall"):
        raise LineError('no event: a JSON object with "type": "usage" or "apiCall"')
    return event


def event_of_row(row: str, *, kind: str, columns: Sequence[Column | None], header: str) -> Event | None:
    """A call of a CSV export. A computed cost is left out: the server computes it again."""
    if row == header:
        return None
    try:
        (cells,) = csv.reader([row])
    except csv.Error as error:
        raise LineError(f"not CSV: {error}") from None
    if len(cells) != len(columns):
        raise LineError(f"{len(cells)} columns where {len(columns)} are named")
    try:
        return event_in(columns, kind, cells)
    except ValueError as error:
        raise LineError(f"a cell that is not understood: {error}") from None


def _own_columns(line: str) -> tuple[str, list[Column | None]] | None:
    """The kind of event, and the column behind each name, when these are names of an export of ours."""
    names = line.removeprefix("\ufeff").replace('"', "").split(",")
    for kind, columns, needed in (("usage", USAGE, "model"), ("apiCall", API_CALLS, "route")):
        known = {column.name: column for column in columns}
        if {"time", "id", needed} <= set(names):
            return kind, [known.get(name) for name in names]
    return None


def _named(columns: Sequence[Column]) -> str:
    return ",".join(column.name for column in columns[:4])


def _azure_columns(line: str) -> dict[str, int] | None:
    names = [name.strip().strip('"').lower() for name in line.removeprefix("\ufeff").split(",")]
    return {name: names.index(name) for name in names} if set(_AZURE_COLUMNS) <= set(names) else None


def time_of(event: Event) -> dt.datetime | None:
    """When an event happened; None when it does not say so in a way that anybody understands."""
    time = event.get("time")
    if isinstance(time, str):
        try:
            time = dt.datetime.fromisoformat(time)
        except ValueError:
            return None
    return time.astimezone(dt.UTC) if isinstance(time, dt.datetime) and time.tzinfo is not None else None


def _azure_time(text: str) -> dt.datetime:
    match = _AZURE_TIME.fullmatch(text)
    if match is None:
        raise LineError("a time that is none")
    date, clock, fraction, offset = match.groups()
    try:
        time = dt.datetime.fromisoformat(f"{date}T{clock}{offset or '+00:00'}")
    except ValueError as error:
        raise LineError(str(error)) from None
    nanoseconds = int((fraction or "0").ljust(9, "0"))
    return time + dt.timedelta(microseconds=(nanoseconds + 500) // 1000)


@lru_cache(maxsize=4096)
def _log_time(day: str, month: str, year: str, clock: str, offset: str) -> dt.datetime:
    try:
        written = f"{year}-{_MONTHS[month]}-{day}T{clock}{offset[:3]}:{offset[3:]}"
        return dt.datetime.fromisoformat(written).astimezone(dt.UTC)
    except (ValueError, KeyError, OverflowError):
        raise LineError("a time that is none") from None


def _path(target: str) -> str:
    if "://" in target.partition("?")[0]:  # what a proxy is asked for: http://host/path
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0] or "/"
