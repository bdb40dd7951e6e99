"""What the administrator decides about the watch, and what is known of the process that keeps it."""

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WatchTerms:
    """How often Vigie looks at itself, how often at what is outside where nothing else is said, and how long the past
    of a component is kept."""

    internal_every: dt.timedelta = dt.timedelta(minutes=1)
    external_every: dt.timedelta = dt.timedelta(minutes=5)
    kept_for: dt.timedelta = dt.timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Process:
    """The process that answers."""

    version: str = ""
    environment: str = "production"
    started_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
