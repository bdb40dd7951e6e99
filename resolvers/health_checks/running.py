"""Running a check: ask, hold the answer against the conditions, and record what came of it."""

import datetime as dt
import math
from dataclasses import dataclass, field

import orjson

from integrations.guard import Guard
from integrations.http_checks import Answer, Question, ask
from models import Database, HealthCheck
from models.secrets import CannotOpen, Vault
from resolvers.components.internal import Finding
from resolvers.components.observing import Observation, lock_component, next_look, observe
from resolvers.components.states import DOWN, HEALTHY, UNKNOWN
from resolvers.health_checks.conditions import parse_condition
from resolvers.health_checks.listing import get_health_check


@dataclass(frozen=True, slots=True)
class Sealed:
    """What of a check is secret."""

    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None

    def seal(self, vault: Vault, *, project_id: int, number: int) -> bytes | None:
        """As it is stored; None when there is nothing to hide."""
        if not self.headers and self.body is None:
            return None
        text = orjson.dumps([self.headers, self.body]).decode()
        return vault.seal(text, project_id=project_id, of=f"health_check:{number}")

    @classmethod
    def open(cls, vault: Vault, row: HealthCheck) -> "Sealed":
        """What a check has. Raises CannotOpen."""
        if row.sealed is None:
            return cls()
        text = vault.open(row.sealed, project_id=row.project_id, of=f"health_check:{row.component_id}")
        return cls(*orjson.loads(text))


@dataclass(frozen=True, slots=True)
class Result:
    """What one run found, and what the answer was."""

    finding: Finding
    time: dt.datetime
    answer: Answer | None = None


async def run_check(row: HealthCheck, *, vault: Vault, guard: Guard) -> Result:
    """Asks once and judges. Leaves the process: never inside a session."""
    now = dt.datetime.now(dt.UTC)
    try:
        sealed = Sealed.open(vault, row)
    except CannotOpen as error:
        return Result(Finding(UNKNOWN, f"Its headers and body cannot be read: {error}."), now)
    question = Question(row.url, row.method, sealed.headers, sealed.body, row.timeout_seconds)
    answer = await ask(guard, question)
    now = dt.datetime.now(dt.UTC)
    if answer.failure is not None:
        return Result(Finding(DOWN, answer.failure), now, answer)
    conditions = [parse_condition(text, field="conditions") for text in row.conditions]
    failures = [failure for condition in conditions if (failure := condition.failure(answer, now=now))]
    latency = answer.latency_ms if math.isfinite(answer.latency_ms) else None
    return Result(Finding(DOWN if failures else HEALTHY, "; ".join(failures) or None, latency), now, answer)


async def record_result(database: Database, row: HealthCheck, result: Result) -> None:
    """Records what a run found; of a check that is gone, nothing."""
    async with database.write() as session:
        component = await lock_component(session, project_id=row.project_id, number=row.component_id)
        if component is None or not component.enabled:
            return
        every = dt.timedelta(seconds=component.every_seconds)
        component.due_at = next_look(result.time, every, component.created_at)
        found = result.finding
        await observe(session, component, Observation(found.status, result.time, found.message, found.latency_ms))
        if result.answer is not None and result.answer.certificate_expires_at is not None:
            check = await get_health_check(session, project_id=row.project_id, number=row.component_id)
            if check is not None:
                check.check.certificate_expires_at = result.answer.certificate_expires_at


async def run_due_check(database: Database, *, project_id: int, number: int, vault: Vault, guard: Guard) -> str:
    """Runs a check and records what came of it; answers the status that it found."""
    async with database.read() as session:
        checked = await get_health_check(session, project_id=project_id, number=number)
    if checked is None:
        return UNKNOWN
    result = await run_check(checked.check, vault=vault, guard=guard)
    await record_result(database, checked.check, result)
    return result.finding.status
