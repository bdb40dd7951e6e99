"""GraphQL operations by name, as figures: so few names that no client can make ever more series."""

from typing import Final

from prometheus_client import Counter, Histogram

MOST_NAMES: Final = 100
LONGEST: Final = 80
ANONYMOUS, OTHER = "(anonymous)", "(other)"

NAMED: Final = Counter(
    "vigie_graphql_named_operations_total", "Executed queries and mutations by name.", ["operation", "outcome"]
)
SECONDS: Final = Histogram(
    "vigie_graphql_named_operation_seconds",
    "Seconds from the parsed request to the answer, by name.",
    ["operation"],
    buckets=(0.005, 0.025, 0.1, 0.5, 2.5, 10, 30),
)


class Names:
    """The names that figures have: the first hundred that were executed."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def shown(self, name: str | None) -> str:
        """What figures call an operation of this name."""
        if name is None:
            return ANONYMOUS
        if name not in self._known:
            if len(self._known) >= MOST_NAMES or len(name) > LONGEST:
                return OTHER
            self._known.add(name)
        return name

    def count(self, name: str | None, outcome: str, seconds: float) -> None:
        """Counts an operation that ended: `ok`, with `errors`, or `stopped`."""
        shown = self.shown(name)
        NAMED.labels(shown, outcome).inc()
        SECONDS.labels(shown).observe(seconds)


NAMES: Final = Names()
"""Those of this process."""
