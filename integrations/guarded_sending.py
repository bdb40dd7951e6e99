"""Channels behind circuit breakers: one that has failed again and again is left alone, and its deliveries wait."""

import datetime as dt
from typing import Final

from integrations.circuits import Circuits, Open
from integrations.notifications import Message, Outcome, Sender, Target

FAILURES: Final = 10
PAUSE: Final = dt.timedelta(seconds=15)


class _Failed(Exception):  # noqa: N818 — carries an answer through the breaker
    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class GuardedSender:
    """Sends through another sender what has a circuit. What the channel asks to wait for is no failure of it."""

    def __init__(self, sender: Sender, circuits: Circuits) -> None:
        self._sender, self._circuits = sender, circuits

    async def send(self, target: Target, message: Message) -> Outcome:
        """Tries once, or not at all while the channel is left alone."""
        if not target.circuit:
            return await self._sender.send(target, message)
        try:
            async with self._circuits.guarding(target.circuit, failures=FAILURES, seconds=PAUSE.total_seconds()):
                outcome = await self._sender.send(target, message)
                _check(outcome)
        except _Failed as failed:
            return failed.outcome
        except Open:
            return Outcome(error="The channel failed again and again and is left alone.", retry_after=PAUSE)
        return outcome


def _check(outcome: Outcome) -> None:
    if outcome.error and not outcome.hopeless and outcome.retry_after is None:
        raise _Failed(outcome)
