"""What no answer may tell: texts of exceptions, paths, statements."""

import re
from typing import Final

TRACES: Final = re.compile(
    r"Traceback|File \"|site-packages|sqlalchemy|sqlite3|asyncpg|psycopg|orjson|msgspec|pydantic|strawberry"
    r"|[A-Za-z]+Error\b|NoneType|object at 0x|SELECT .* FROM|INSERT INTO|\.py\b",
    re.IGNORECASE,
)


def assert_nothing_leaks(text: str, *, sent: str = "") -> None:
    """What it tells must come from the client itself, or be harmless."""
    found = [trace for trace in TRACES.findall(text) if trace not in sent]
    assert not found, f"{found} in {text[:2000]}"
