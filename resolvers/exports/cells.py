"""CSV whose texts no spreadsheet runs, and that can be read back as they were."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

_FORMULA: Final = re.compile(r"[' ]*[=+\-@\t\r\n＝＋－＠]")


def lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows of cells as CSV in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def guarded(text: str) -> str:
    """A text as a cell: what a spreadsheet would run as a formula starts with an apostrophe instead."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text of a cell that `guarded` made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell
