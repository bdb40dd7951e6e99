"""Addresses of servers, as people write them, brought to the form that the drivers take."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

POSTGRES_SCHEMES: Final = ("postgresql", "postgres", "postgresql+asyncpg")
SQLITE_SCHEMES: Final = ("sqlite", "sqlite+aiosqlite")
# What the driver understands behind the `?`; libpq's `sslmode` is its `ssl`.
POSTGRES_OPTIONS: Final = frozenset({"ssl", "sslmode", "host", "port", "prepared_statement_cache_size"})
POSTGRES_NUMBERS: Final = frozenset({"port", "prepared_statement_cache_size"})


def database_url(text: str) -> str:
    """The URL without a driver: `postgresql://…` or `sqlite:///…`; '' stays ''. Raises ValueError with advice."""
    if not text:
        return text
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("it is not a URL: write postgresql://user:password@host:5432/name or sqlite:///file") from None
    if url.drivername in SQLITE_SCHEMES:
        if not url.database or url.database == ":memory:" or "\0" in url.database:
            raise ValueError("SQLite needs a file: write sqlite:///folder/vigie.db")
        return url.set(drivername="sqlite").render_as_string(hide_password=False)
    if url.drivername not in POSTGRES_SCHEMES:
        raise ValueError(f"`{url.drivername}://` is no database that Vigie runs on: use postgresql:// or sqlite:///")
    if not url.database:
        raise ValueError("it names no database: write postgresql://user:password@host:5432/name")
    return url.set(drivername="postgresql", query=_options(url)).render_as_string(hide_password=False)


def _options(url: URL) -> dict[str, str | tuple[str, ...]]:
    """What stands behind the `?`, as the driver takes it."""
    if unknown := set(url.query) - POSTGRES_OPTIONS:
        named = ", ".join(f"`{option}`" for option in sorted(unknown))
        raise ValueError(f"the option {named} is not understood: known are {', '.join(sorted(POSTGRES_OPTIONS))}")
    options = dict(url.query)
    for option in POSTGRES_NUMBERS & set(options):
        if not re.fullmatch("[0-9]{1,9}", str(options[option])):
            raise ValueError(f"the option `{option}` is a number, not {str(options[option])!r}")
    if "sslmode" in options:
        options["ssl"] = options.pop("sslmode")
    return options


def redis_url(text: str) -> str:
    """The URL unchanged. Raises ValueError with advice when it is none of Redis."""
    scheme, separator, rest = text.partition("://")
    try:
        _ = urlsplit(text).port
    except ValueError:
        rest = ""
    if scheme not in ("redis", "rediss", "unix") or not separator or not rest:
        raise ValueError("it is no address of a Redis: write redis://host:6379/0 (rediss:// with TLS)")
    return text


def without_password(text: str) -> str:
    """An address as it may be shown and logged."""
    return make_url(text).render_as_string(hide_password=True)


def sqlite_file(text: str) -> Path | None:
    """The file of a SQLite address; None for one of a server."""
    url = make_url(text)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
