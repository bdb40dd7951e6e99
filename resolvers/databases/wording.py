"""SQL as it may be shown: without the values that are written in it."""

import re
from typing import Final

SHOWN: Final = 2000

# What is cut off by the server in the middle of a value is a value up to its end.
_PARTS: Final = re.compile(
    r"""
    (?P<value>
        [eE]'(?:[^'\\]|''|\\.)*(?:'|\\?\Z)
        | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|\Z)
        | \$(?P<tag>[^\W\d]\w*)?\$.*?(?:\$(?(tag)(?P=tag))\$|\Z)
        | (?:\d[\w.]*|\.\d[\w.]*)(?:(?<=[eE])[+-]\d+)?
    )
    | (?P<kept>"(?:[^"]|"")*(?:"|\Z) | \$\d+ | [^\W\d][\w$]*)
    | (?P<space>(?:\s|--[^\n]*)+)
    | (?P<comment>/\*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_ENDS: Final = re.compile(r"/\*|\*/")


def without_values(sql: str) -> str:
    """The statement with `?` in place of every literal, without comments, at most 2,000 characters."""
    parts: list[str] = []
    at = 0
    while at < len(sql) and len(parts) < 2 * SHOWN:
        part = _PARTS.match(sql, at)
        if part is None:  # every character is at least a sign
            break
        at = part.end()
        if part["value"] is not None:
            parts.append("?")
        elif part["comment"] is not None:
            at = _behind_comment(sql, at)
            parts.append(" ")
        else:
            parts.append(" " if part["space"] is not None else part[0])
    return " ".join("".join(parts).split())[:SHOWN]


def _behind_comment(sql: str, at: int) -> int:
    """Where a comment ends whose inside begins here; comments may hold comments."""
    depth = 1
    for mark in _COMMENT_ENDS.finditer(sql, at):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return len(sql)
