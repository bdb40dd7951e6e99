"""Conditions on an answer, in Gatus's notation: `[STATUS] == 200`, `[BODY].ok == true`, `len([BODY].items) > 0`.

Each side is a placeholder ([STATUS], [RESPONSE_TIME] in milliseconds, [IP], [CONNECTED], [CERTIFICATE_EXPIRATION],
[BODY] with a path into JSON), `len(...)` or `has(...)` of a [BODY], or a value. Behind == and != stand also
`pat(*glob*)` and `any(a, b)`. Durations are Go's: `72h`, `1h30m`, `500ms`.
"""

import datetime as dt
import fnmatch
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from integrations.http_checks import Answer
from resolvers.errors import Invalid

MOST_CHARACTERS: Final = 500
OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
PLACEHOLDERS: Final = ("STATUS", "RESPONSE_TIME", "IP", "CONNECTED", "CERTIFICATE_EXPIRATION", "BODY")
SHOWN: Final = ("STATUS", "RESPONSE_TIME", "IP", "CONNECTED", "CERTIFICATE_EXPIRATION")
MILLISECONDS: Final = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6, "d": 8.64e7}

_CONDITION = re.compile(r"\s*(?P<left>[^=<>!]+?)\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<right>\S.*?)\s*")
_TERM = re.compile(r"(?:(?P<function>len|has)\((?P<of>\[BODY\][^)]*)\)|\[(?P<name>[A-Z_]+)\](?P<path>.*))")
_MATCH = re.compile(r"(?P<function>pat|any)\((?P<of>.*)\)")
_STEP = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>[0-9]{1,9})\]")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|[smhd]))+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|[smhd])")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?")


class Missing:
    """What a path leads to where there is nothing."""


@dataclass(frozen=True, slots=True)
class Term:
    """One side. `name` is a placeholder, or None for the `value` as it was written."""

    name: str | None = None
    path: tuple[str | int, ...] = ()
    function: str | None = None
    value: str = ""

    def of(self, answer: Answer, now: dt.datetime) -> Any:
        """What it stands for in an answer."""
        if self.name is None:
            return self.value
        found = _found(self, answer, now)
        if self.function == "has":
            return not isinstance(found, Missing)
        if self.function == "len":
            return len(found) if isinstance(found, str | list | dict) else Missing()
        return found


@dataclass(frozen=True, slots=True)
class Condition:
    text: str
    left: Term
    operator: str
    right: Term
    choices: tuple[str, ...] = ()
    """What `pat` and `any` on the right mean: globs."""

    def failure(self, answer: Answer, *, now: dt.datetime) -> str | None:
        """Why an answer does not meet it; None when it does. What a body holds is not told."""
        left = self.left.of(answer, now)
        if self._holds(left, answer, now):
            return None
        if self.left.name in SHOWN and not isinstance(left, Missing):
            return f"{self.text}: it is {_text(left)}"
        return f"{self.text}: {'there is none' if isinstance(left, Missing) else 'it is not'}"

    def _holds(self, left: Any, answer: Answer, now: dt.datetime) -> bool:
        if isinstance(left, Missing):
            return False
        if self.choices:
            return any(fnmatch.fnmatchcase(_text(left), choice) for choice in self.choices) is (self.operator == "==")
        right = self.right.of(answer, now)
        if isinstance(right, Missing):
            return False
        numbers = _number(left), _number(right)
        if self.operator in OPERATORS:
            return None not in numbers and OPERATORS[self.operator](*numbers)  # type: ignore[arg-type]
        equal = numbers[0] == numbers[1] if None not in numbers else _text(left) == _text(right)
        return equal is (self.operator == "==")


def parse_condition(text: str, *, field: str) -> Condition:
    """The condition that a text means. Raises Invalid that says what is not understood."""
    matched = _CONDITION.fullmatch(text) if len(text) <= MOST_CHARACTERS else None
    if matched is None:
        raise Invalid(f"`{text[:100]}` is no condition such as `[STATUS] == 200`.", field=field)
    left, sign, right = matched["left"], matched["operator"], matched["right"]
    match = _MATCH.fullmatch(right)
    if match is not None and sign in OPERATORS:
        raise Invalid(f"`{text[:100]}`: `{match['function']}` goes with == and !=.", field=field)
    choices: tuple[str, ...] = ()
    if match is not None:
        choices = (match["of"],)
        if match["function"] == "any":
            choices = tuple(_literally(choice.strip()) for choice in match["of"].split(","))
    condition = Condition(
        text=f"{left} {sign} {right}",
        left=_term(left, field),
        operator=sign,
        right=Term(value=right) if choices else _term(right, field),
        choices=choices,
    )
    if condition.left.name is None and condition.right.name is None:
        raise Invalid(f"`{text[:100]}` asks nothing of the answer: name [STATUS], [BODY] or another.", field=field)
    return condition


def _term(text: str, field: str) -> Term:
    matched = _TERM.fullmatch(text)
    if matched is None:
        if text.startswith("[") or re.match(r"\w+\(", text):
            raise Invalid(f"`{text[:100]}` is not understood.", field=field)
        return Term(value=text)
    name, path = ("BODY", matched["of"][len("[BODY]") :]) if matched["of"] else (matched["name"], matched["path"])
    if name not in PLACEHOLDERS:
        known = ", ".join(f"[{known}]" for known in PLACEHOLDERS)
        raise Invalid(f"[{name[:50]}] is not known here: there are {known}.", field=field)
    steps = list(_STEP.finditer(path))
    if (path and name != "BODY") or "".join(step[0] for step in steps) != path:
        raise Invalid(f"`{text[:100]}`: a path goes into [BODY], such as [BODY].items[0].name.", field=field)
    keys = tuple(step["key"] if step["index"] is None else int(step["index"]) for step in steps)
    return Term(name=name, path=keys, function=matched["function"])


def _found(term: Term, answer: Answer, now: dt.datetime) -> Any:
    ends = answer.certificate_expires_at
    match term.name:
        case "STATUS":
            return Missing() if answer.status_code is None else answer.status_code
        case "RESPONSE_TIME":
            return round(answer.latency_ms)
        case "CONNECTED":
            return answer.status_code is not None
        case "IP":
            return Missing() if answer.address is None else answer.address
        case "CERTIFICATE_EXPIRATION":
            return Missing() if ends is None else _Duration((ends - now).total_seconds() * 1000)
    if answer.status_code is None:
        return Missing()
    if not term.path:
        return _body(answer, term.function)
    return _at(answer.body, term.path)


def _body(answer: Answer, function: str | None) -> Any:
    """The body as text; for `len`, what JSON it is, if any: a list's length is that of its items."""
    if function == "len":
        try:
            found = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            found = None
        if isinstance(found, list | dict):
            return found
    return answer.body.decode(errors="replace")


def _at(body: bytes, path: tuple[str | int, ...]) -> Any:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Missing()
    for key in path:
        try:
            found = found[key]
        except (KeyError, IndexError, TypeError):
            return Missing()
    return found


class _Duration(float):
    """Milliseconds that are shown in hours."""


def _number(value: Any) -> float | None:
    """A number as it stands, a duration in milliseconds; None for what is neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    if _NUMBER.fullmatch(value):
        return float(value)
    if _DURATION.fullmatch(value):
        return sum(float(number) * MILLISECONDS[unit] for number, unit in _PART.findall(value))
    return None


def _text(value: Any) -> str:
    if isinstance(value, _Duration):
        return f"{value / MILLISECONDS['h']:.0f}h"
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _literally(text: str) -> str:
    """A glob that means just this text; `pat(...)` inside `any` stays one."""
    inner = _MATCH.fullmatch(text)
    return inner["of"] if inner and inner["function"] == "pat" else re.sub(r"([*?\[])", r"[\1]", text)
