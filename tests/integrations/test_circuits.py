"""Circuit breakers: what fails again and again is left alone, and told of."""

import asyncio

import pytest

from integrations.circuits import CLOSED, OPENED, STATE, Circuit, Circuits, Open
from integrations.guarded_sending import FAILURES, GuardedSender
from integrations.notifications import Message, Outcome, Target
from models import Activity, Database, Project
from resolvers.circuits import CircuitNews, of_project

MESSAGE = Message(id="1", severity="high", ends=False, title="t", body="b", payload={})


async def fail(circuits: Circuits, name: str, *, seconds: float = 30.0) -> None:
    with pytest.raises(OSError, match="away"):
        async with circuits.guarding(name, failures=2, seconds=seconds):
            raise OSError("away")


async def test_a_circuit_opens_after_failures_in_a_row_and_closes_with_a_success() -> None:
    heard: list[Circuit] = []
    circuits = Circuits(heard.append)
    await fail(circuits, "redis", seconds=0.05)
    async with circuits.guarding("redis"):
        pass
    await fail(circuits, "redis")
    await fail(circuits, "redis")
    assert circuits.state("redis") == OPENED
    assert STATE.labels("redis", OPENED)._value.get() == 1
    with pytest.raises(Open):
        async with circuits.guarding("redis"):
            raise AssertionError("nothing may be asked")
    await asyncio.sleep(0.1)
    async with circuits.guarding("redis"):
        pass
    assert [circuit.state for circuit in heard] == [OPENED, CLOSED]
    assert STATE.labels("redis", OPENED)._value.get() == 0


async def test_who_gives_up_waiting_is_no_failure() -> None:
    circuits = Circuits()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), circuits.guarding("redis", failures=2):
                await asyncio.sleep(1)
    assert circuits.state("redis") == CLOSED


class Channel:
    """Answers what it is told to."""

    def __init__(self) -> None:
        self.outcome, self.tries = Outcome(error="down"), 0

    async def send(self, target: Target, message: Message) -> Outcome:
        self.tries += 1
        return self.outcome


async def test_a_channel_that_fails_again_and_again_is_left_alone_but_no_other() -> None:
    channel = Channel()
    sender = GuardedSender(channel, Circuits())
    target = Target(kind="webhook", url="https://example.com", circuit="channel:1:7")
    for _ in range(FAILURES + 3):
        assert (await sender.send(target, MESSAGE)).error
    assert channel.tries == FAILURES
    assert (await sender.send(target, MESSAGE)).retry_after is not None
    await sender.send(Target(kind="webhook", url="https://example.com", circuit="channel:1:8"), MESSAGE)
    assert channel.tries == FAILURES + 1


async def test_changes_are_told_in_the_feed_of_those_whom_they_concern(database: Database, project: Project) -> None:
    told: list[Activity] = []
    database.published = lambda project_id, first, last, facts: told.extend(facts)
    news = CircuitNews("here")
    news.changed(Circuit("redis", OPENED, 1_790_000_000.0))
    news.changed(Circuit(f"channel:{project.id + 1}:7", OPENED, 1_790_000_001.0))
    news.changed(Circuit(f"channel:{project.id}:7", CLOSED, 1_790_000_002.0))
    await news.tell(database)
    await news.tell(database)
    assert [(fact.kind, fact.title) for fact in told if fact.project_id == project.id] == [
        ("health", "redis: failed again and again and is left alone for a while"),
        ("health", "channel 7: works again"),
    ]


def test_channels_of_other_projects_are_not_shown() -> None:
    circuits = [Circuit("redis", OPENED, 1.0), Circuit("channel:1:7", OPENED, 1.0), Circuit("channel:2:7", OPENED, 1.0)]
    assert [circuit.name for circuit in of_project(circuits, 1)] == ["redis", "channel:1:7"]
