"""The figures of a whole period."""

from models import ReadSession
from resolvers.metrics.figures import Correlation, Figures, correlation_of, figures_of
from resolvers.metrics.readings import Question, Reading, read
from resolvers.metrics.scopes import Scope


async def totals(session: ReadSession, scope: Scope, *, needs: frozenset[str]) -> Figures:
    """The figures of a scope. `needs` names the sketches (and `subjects`) that are wanted besides sums."""
    reading = await _whole(session, scope, needs)
    (figures,) = await figures_of(session, scope, [reading])
    return figures


async def cost_latency_correlation(session: ReadSession, scope: Scope) -> Correlation:
    """How cost and latency move together over the events of a usage scope."""
    return correlation_of(await _whole(session, scope, frozenset({"pairs"})))


async def _whole(session: ReadSession, scope: Scope, needs: frozenset[str]) -> Reading:
    question = Question(scope.block, (scope.period.start, scope.period.end), scope.columns, needs=needs)
    found = await read(session, scope.snapshot, question)
    return found.get((None, None)) or Reading.empty(scope.block)
