"""Whether an answer came from a cache, by what a header says."""

import re
from typing import Final

HEADERS: Final = ("x-cache", "cache-status")
_HIT: Final = re.compile(r"hit\b", re.IGNORECASE)
_MISS: Final = re.compile(r"miss\b|fwd=(?:stale|partial)\b", re.IGNORECASE)


def cache_of(value: str) -> str:
    """`hit`, `miss` or `none`, of a value of X-Cache or Cache-Status (RFC 9211). One hit of several is one."""
    if _HIT.search(value):
        return "hit"
    return "miss" if _MISS.search(value) else "none"
