"""Matchers in Alertmanager's syntax: `{severity="high",rule=~"cost.*"}` over rule, severity, metric and component.

    matcher = parse("{component=~'db-.*'}")        # Invalid, in a sentence, when it is none
    matcher.meets({"rule": "Down", "severity": "high", "metric": "components_down", "component": "db-1"})

Regular expressions match a whole value, in time linear to it: they come from people.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

from resolvers.errors import Invalid
from resolvers.texts import check_text

LABELS: Final = ("rule", "severity", "metric", "component")
WORDS: Final = frozenset({"severity", "metric"})
"""Labels whose values are words of ours, in whatever case they are written."""
MOST_CHARACTERS: Final = 2000
MOST_CONDITIONS: Final = 20
MOST_PATTERN: Final = 500

_CONDITION: Final = re.compile(
    r"\s*(?P<label>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<operator>=~|!~|!=|=)\s*"
    r"""(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s"',{}=~!\\]+))\s*(?P<end>,|$)"""
)
_ESCAPES: Final = {"n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class LabelCondition:
    """What one label has to be like."""

    label: str
    operator: str
    value: str

    def meets(self, labels: Mapping[str, str]) -> bool:
        found, wanted = labels.get(self.label, ""), self.value
        if self.label in WORDS:
            found, wanted = found.lower(), wanted if self.operator.endswith("~") else wanted.lower()
        same = (
            _pattern(wanted, self.label in WORDS).isinstance_python(found) if "~" in self.operator else found == wanted
        )
        return same != self.operator.startswith("!")


@dataclass(frozen=True, slots=True)
class Matcher:
    """Conditions that all have to be met."""

    conditions: tuple[LabelCondition, ...]

    def meets(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it. A label that is missing is empty."""
        return all(condition.meets(labels) for condition in self.conditions)


@lru_cache(maxsize=2000)
def parse(text: str, *, field: str = "matcher") -> Matcher:
    """The matcher that a text says. Raises Invalid, naming what is wrong with it."""
    inner = check_text(text, field=field, most=MOST_CHARACTERS)
    if inner.startswith("{") or inner.endswith("}"):
        if not (inner.startswith("{") and inner.endswith("}")):
            raise Invalid("A matcher's braces come in pairs.", field=field)
        inner = inner[1:-1]
    conditions = tuple(_conditions(inner.strip(), field))
    if not 1 <= len(conditions) <= MOST_CONDITIONS:
        raise Invalid(f'A matcher has 1 to {MOST_CONDITIONS} conditions, such as {{severity="high"}}.', field=field)
    return Matcher(conditions)


def _conditions(text: str, field: str) -> Iterator[LabelCondition]:
    place = 0
    while place < len(text):
        match = _CONDITION.match(text, place)
        if match is None:
            raise Invalid(
                f'This is no condition: `{text[place : place + 40]}`. Write label="value", with =, !=, =~ or !~.',
                field=field,
            )
        label, operator = match["label"], match["operator"]
        if label not in LABELS:
            raise Invalid(f"`{label[:64]}` is no label; those are {', '.join(LABELS)}.", field=field)
        quoted = match["double"] if match["double"] is not None else match["single"]
        value = match["bare"] if quoted is None else _unescaped(quoted, pattern="~" in operator)
        if "~" in operator:
            _check_pattern(value, label, field)
        yield LabelCondition(label, operator, value)
        place = match.end()


def _unescaped(text: str, *, pattern: bool) -> str:
    r"""The value behind the quotes: `\"`, `\\` and `\n` as in Go; a pattern may write `\.` and `\d` with one stroke."""

    def character(match: re.Match[str]) -> str:
        escaped = match[1]
        if escaped in "\\\"'":
            return str(escaped)
        if pattern:
            return str(match[0])
        return _ESCAPES.get(escaped, str(match[0]))

    return re.sub(r"\\(.)", character, text, flags=re.DOTALL)


def _check_pattern(value: str, label: str, field: str) -> None:
    if len(value) > MOST_PATTERN:
        raise Invalid(f"A regular expression has at most {MOST_PATTERN} characters.", field=field)
    try:
        _pattern(value, label in WORDS)
    except SchemaError as error:
        raise Invalid(f"`{value[:64]}` is no regular expression of the RE2 kind.", field=field) from error


@lru_cache(maxsize=2000)
def _pattern(value: str, any_case: bool) -> SchemaValidator:
    flags = "(?i)" if any_case else ""
    return SchemaValidator(
        core_schema.str_schema(pattern=f"{flags}^(?:{value})$", regex_engine="rust-regex", strict=True)
    )
