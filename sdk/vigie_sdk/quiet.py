"""What goes wrong here is told once in the log `vigie_sdk`, and never to the program."""

import logging
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

log: Final = logging.getLogger("vigie_sdk")

_said: Final[set[str]] = set()


def say_once(message: str, *arguments: object, level: int = logging.WARNING) -> None:
    """Logs a sentence the first time that it comes up in this process."""
    sentence = message % arguments if arguments else message
    if sentence not in _said and len(_said) < 1_000:
        _said.add(sentence)
        log.log(level, "%s", sentence)


def quietly(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | None:
    """What `work` answers, or None when it fails: a fault of ours must not become one of the program's."""
    try:
        return work(*arguments, **named)
    except Exception as error:  # noqa: BLE001 — whatever it is, the program goes on
        say_once("a call is not recorded as it should be: %s: %s", type(error).__name__, error)
        return None
