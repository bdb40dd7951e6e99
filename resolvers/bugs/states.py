"""The life of a bug: which status follows which."""

from typing import Final

from models.bugs import OPEN_STATUSES, STATUSES
from resolvers.errors import Invalid

NEXT: Final = {
    "open": frozenset(STATUSES),
    "in_progress": frozenset(STATUSES),
    "resolved": frozenset({"closed", "open"}),
    "closed": frozenset({"open"}),
    "wont_fix": frozenset({"open"}),
    "duplicate": frozenset({"open"}),
}
FIXED: Final = frozenset({"resolved", "closed"})
"""In these a bug counts as resolved, and another occurrence is a regression."""


def is_open(status: str) -> bool:
    """Whether somebody still has to do something."""
    return status in OPEN_STATUSES


def check_move(before: str, after: str) -> None:
    """Raises Invalid, naming both, when a bug may not go from one status to the other. To stay is no move."""
    if after != before and after not in NEXT[before]:
        ways = " or ".join(status.upper() for status in STATUSES if status in NEXT[before])
        raise Invalid(f"A bug goes from {before.upper()} to {ways}, not to {after.upper()}.", field="status")
