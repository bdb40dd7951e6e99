"""Answers of queries that are kept, and given again while nothing has changed.

An answer is kept under its question: document, operation, variables, project, rights. It is given again only while the
project's version (last fact, revision) is what it was before the answer was made, so it is exact up to the last commit
as if it had been executed; what passes without a commit is time, and for that every root field has a lifetime. Whoever
asks the same under the same version while it is being executed waits for that execution.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import orjson
import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    value_from_ast_untyped,
)
from prometheus_client import Counter, Histogram

from integrations.answer_store import AnswerStore, Kept
from realtime.hub import Hub
from resolvers.principals import Principal
from resolvers.revisions import Version, Versions
from schema.context import Services
from schema.execution import Answer, Engine, Operation
from schema.limits import Limits
from schema.requests import Freshness

LIVE: Final = 10.0
LIST: Final = 30.0
SETTING: Final = 60.0
PAST: Final = 600.0
SETTLED: Final = dt.timedelta(hours=1)
"""What ended so long ago changes by commits alone."""

LIFETIMES: Final[Mapping[str, float]] = {
    "metrics": LIVE,
    "bugStats": LIVE,
    "previewAlertRule": LIVE,
    "budgets": LIVE,
    "budget": LIVE,
    "subjects": LIVE,
    "usageEvents": LIVE,
    "apiCalls": LIVE,
    "activities": LIVE,
    "recommendations": LIVE,
    "costReconciliation": LIST,
    "bugs": LIST,
    "bug": LIST,
    "deployments": LIST,
    "priceOf": SETTING,
    "prices": SETTING,
    "priceRevisions": SETTING,
    "declaredAttributes": SETTING,
    "contentSettings": SETTING,
    "__typename": PAST,
}
"""Seconds for which a root field's answer serves at most. What is not named here is executed each time: it changes
without a commit (health, connections, uses of keys), or is asked for to see what a mutation did (`node`)."""
IN_THE_PAST: Final = frozenset({"metrics", "bugStats", "previewAlertRule", "costReconciliation"})
"""Those whose `period` may lie in the past, where they serve longest."""

OUTCOMES: Final = ("hit", "shared", "miss", "bypass", "none")
ANSWERS: Final = Counter(
    "vigie_cache_answers_total",
    "Answers of queries: hit, from the cache; shared, executed for another who asked the same; miss, executed and "
    "kept; bypass, executed because the client wanted a fresh one; none, of a kind that is not kept.",
    ["outcome"],
)
AGE: Final = Histogram(
    "vigie_cache_age_seconds", "Age of the answers that came from the cache.", buckets=(0.1, 1, 5, 10, 30, 60, 300, 600)
)
for _outcome in OUTCOMES:
    ANSWERS.labels(_outcome)


@dataclass(frozen=True, slots=True)
class Cache:
    """Where answers are kept, and what tells whether they are still of now."""

    versions: Versions
    store: AnswerStore
    release: str
    """Answers of another release of Vigie are not given."""
    hub: Hub
    """Knows what sets our answers apart from those of others in the same Redis."""


class CachingEngine(Engine):
    """An engine that gives again what it has answered."""

    def __init__(
        self,
        schema: strawberry.Schema,
        services: Services,
        cache: Cache,
        limits: Limits | None = None,
        **options: Any,
    ) -> None:
        super().__init__(schema, services, limits, **options)
        self._cache = cache
        self._flights: dict[tuple[str, Version], asyncio.Task[Answer]] = {}

    async def execute(self, operation: Operation, principal: Principal, request_id: str) -> Answer:
        """Answers a query or mutation, from the cache where that is as good. Raises what `Engine.execute` does."""

        def run() -> Awaitable[Answer]:
            return super(CachingEngine, self).execute(operation, principal, request_id)

        if operation.type is not OperationType.QUERY:
            answer = await run()
            self._cache.versions.forget(principal.project_id)
            return answer
        seconds = lifetime_of(operation)
        if seconds is None or operation.request.freshness is Freshness.UNSTORED:
            ANSWERS.labels("none" if seconds is None else "bypass").inc()
            return await run()
        version = await self._cache.versions.of(principal.project_id)
        key = self._key(operation, principal)
        if version is None or key is None:
            ANSWERS.labels("none").inc()
            return await run()
        if operation.request.freshness is Freshness.FRESH:
            ANSWERS.labels("bypass").inc()
            return await self._fly(key, version, seconds, run)
        if kept := await self._kept(key, version):
            age = max(0.0, time.time() - kept.made_at)
            ANSWERS.labels("hit").inc()
            AGE.observe(age)
            return Answer(kept.body, has_errors=False, age=age)
        return await self._shared(key, version, seconds, run)

    async def _kept(self, key: str, version: Version) -> Kept | None:
        kept = self._cache.store.here(key)
        if kept is not None and _serves(kept, version):
            return kept
        if (key, version) in self._flights:
            return None
        kept = await self._cache.store.elsewhere(key)
        if kept is None or not _serves(kept, version):
            return None
        self._cache.store.keep(key, kept, kept.until - time.time(), everywhere=False)
        return kept

    async def _shared(self, key: str, version: Version, seconds: float, run: Callable[[], Awaitable[Answer]]) -> Answer:
        """One execution for all who ask the same meanwhile; it goes on when the first of them leaves."""
        flight = self._flights.get((key, version))
        if flight is not None:
            ANSWERS.labels("shared").inc()
            return replace(await asyncio.shield(flight), age=0.0)
        ANSWERS.labels("miss").inc()
        flight = asyncio.create_task(self._fly(key, version, seconds, run))
        self._flights[key, version] = flight
        flight.add_done_callback(lambda done: self._landed((key, version), done))
        return await asyncio.shield(flight)

    async def _fly(self, key: str, version: Version, seconds: float, run: Callable[[], Awaitable[Answer]]) -> Answer:
        """Executes, and keeps what came out unless it has errors. It may say more than the version; never less."""
        started = time.time()
        answer = await run()
        if not answer.has_errors:
            kept = Kept(version.last_seq, version.revision, started, started + seconds, answer.body)
            if (left := kept.until - time.time()) > 0:
                self._cache.store.keep(key, kept, left)
        return answer

    def _landed(self, flight: tuple[str, Version], done: asyncio.Task[Answer]) -> None:
        del self._flights[flight]
        if not done.cancelled():
            done.exception()  # whoever waited has it; when nobody did any more, nobody misses it

    def _key(self, operation: Operation, principal: Principal) -> str | None:
        """The question, in few bytes; None for values that have no canonical form."""
        request = operation.request
        asked = [request.query, request.operation_name, request.variables or None, self._cache.release]
        try:
            text = orjson.dumps([*asked, repr(principal.anonymous())], option=orjson.OPT_SORT_KEYS)
        except TypeError:
            return None
        return f"vigie:answer:{self._cache.hub.installation}:{blake2b(text, digest_size=20).hexdigest()}"


def lifetime_of(operation: Operation) -> float | None:
    """Seconds for which the answer serves: the least of its root fields; None when one of them is not to be kept."""
    least = PAST
    for node in _root_fields(operation.document.syntax, operation.request.operation_name):
        seconds = LIFETIMES.get(node.name.value)
        if seconds is None:
            return None
        if node.name.value in IN_THE_PAST and _is_past(node, operation.request.variables or {}):
            seconds = PAST
        least = min(least, seconds)
    return least


def _root_fields(syntax: DocumentNode, operation_name: str | None) -> Iterator[FieldNode]:
    fragments = {node.name.value: node for node in syntax.definitions if isinstance(node, FragmentDefinitionNode)}
    operations = [node for node in syntax.definitions if isinstance(node, OperationDefinitionNode)]
    for node in operations:
        if len(operations) == 1 or (node.name and node.name.value == operation_name):
            yield from _fields(node.selection_set, fragments, set())


def _fields(
    selection_set: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], seen: set[str]
) -> Iterator[FieldNode]:
    for node in selection_set.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            if node.name.value not in seen:
                seen.add(node.name.value)
                yield from _fields(fragments[node.name.value].selection_set, fragments, seen)
        else:
            yield from _fields(node.selection_set, fragments, seen)  # type: ignore[attr-defined]


def _is_past(node: FieldNode, variables: Mapping[str, Any]) -> bool:
    """Whether a field's `period` names its end, and that lies well behind."""
    argument = next((argument for argument in node.arguments or () if argument.name.value == "period"), None)
    period = value_from_ast_untyped(argument.value, dict(variables)) if argument else None
    end = period.get("to") if isinstance(period, dict) else None
    try:
        return isinstance(end, str) and dt.datetime.fromisoformat(end) < dt.datetime.now(dt.UTC) - SETTLED
    except (TypeError, ValueError):
        return False


def _serves(kept: Kept, version: Version) -> bool:
    return (kept.last_seq, kept.revision) == (version.last_seq, version.revision) and time.time() < kept.until
