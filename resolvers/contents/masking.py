"""Masking: what may not be stored is replaced, in every text that a door takes in.

Rules run on each event, and people write them: they are RE2's, whose time grows with the text and with nothing else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import re2  # type: ignore[import-untyped]

from resolvers.errors import Invalid
from resolvers.texts import check_text

MOST_RULES: Final = 50
NAME: Final = 100
PATTERN: Final = 1000
REPLACEMENT: Final = 100
OVERLAP: Final = 8192
"""A text that is cut before it is masked loses so much at its end: half a secret there may look like none."""
DEPTH: Final = 100
SHORTEST_NUMBER: Final = 1_000_000
LARGEST_INTEGER: Final = 2**63 - 1

_ESCAPE: Final = re.compile(r"(\\+[nrtbf])")


@dataclass(frozen=True, slots=True)
class MaskingRule:
    """What matches `pattern` (RE2's syntax) becomes `replacement`, as it stands."""

    name: str
    pattern: str
    replacement: str


class Masking:
    """Rules, ready to be applied one after the other. Raises Invalid for those that cannot be."""

    def __init__(self, rules: Sequence[MaskingRule]) -> None:
        self._rules = [(_compiled(rule, place), rule.replacement) for place, rule in enumerate(rules)]
        try:
            self._any = re2.compile("|".join(f"(?:{rule.pattern})" for rule in rules), _options()) if rules else None
        except re2.error as error:
            raise Invalid("The rules are too large together: have fewer or smaller ones.", field="masking") from error

    def text(self, text: str) -> str:
        """The text without what the rules match, and with whole characters only."""
        if not text.isascii():
            text = text.encode(errors="replace").decode()
        text = self._replaced(text)
        if "\\" in text:
            # JSON inside a text: the letter of an escape is no part of the word behind it.
            text = "".join(self._replaced(part) for part in _ESCAPE.split(text))
        return text

    def _replaced(self, text: str) -> str:
        if self._any is not None and self._any.search(text):
            for pattern, replacement in self._rules:
                text = pattern.sub(lambda match, by=replacement: by if match.end() > match.start() else "", text)
        return text

    def json(self, value: Any) -> Any:
        """A copy of JSON with each of its texts masked, names and long numbers too."""
        return Copy(self, room=None).of(value)


class Copy:
    """A masked copy of JSON, of as many characters as there is `room` for (None: of all). `cut`: something is missing.

    Work and size are bounded by the room, however large the original is.
    """

    def __init__(self, masking: Masking, *, room: int | None) -> None:
        self._masking = masking
        self._room = room
        self.cut = False

    def of(self, value: Any, depth: int = DEPTH) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is int:
            return self._integer(value)
        if kind is not dict and kind is not list:
            return value
        if depth == 0:
            self.cut = True
            return None
        if kind is list:
            items = []
            for item in value:
                if self._full():
                    break
                self._use(1)
                items.append(self.of(item, depth - 1))
            return items
        members = {}
        for name, item in value.items():
            if self._full():
                break
            self._use(1)
            masked = self._text(name)
            members[masked] = self.of(item, depth - 1)
        return members

    def _text(self, text: str) -> str:
        room = self._room
        if room is None or len(text) <= room:
            self._use(len(text))
            return self._masking.text(text)
        self.cut = True
        self._room = 0
        masked = self._masking.text(text[: room + OVERLAP])
        if len(text) > room + OVERLAP:
            masked = masked[:-OVERLAP]
        return masked[:room]

    def _integer(self, number: int) -> int | str:
        digits = str(number)
        self._use(len(digits))
        if -SHORTEST_NUMBER < number < SHORTEST_NUMBER:
            return number
        masked = self._masking.text(digits)
        return number if masked == digits and abs(number) <= LARGEST_INTEGER else masked

    def _full(self) -> bool:
        if self._room is None or self._room > 0:
            return False
        self.cut = True
        return True

    def _use(self, characters: int) -> None:
        if self._room is not None:
            self._room -= characters


def check_rules(rules: Sequence[MaskingRule]) -> tuple[MaskingRule, ...]:
    """The rules as they may be. Raises Invalid, naming the rule, for what cannot be applied."""
    if len(rules) > MOST_RULES:
        raise Invalid(f"A project has at most {MOST_RULES} masking rules.", field="masking")
    checked = []
    for place, rule in enumerate(rules):
        name = check_text(rule.name, field=f"masking.{place}.name", most=NAME)
        _check_as_it_stands(rule.pattern, 1, PATTERN, field=f"masking.{place}.pattern")
        _check_as_it_stands(rule.replacement, 0, REPLACEMENT, field=f"masking.{place}.replacement")
        checked.append(MaskingRule(name, rule.pattern, rule.replacement))
    if len({rule.name for rule in checked}) < len(checked):
        raise Invalid("Two masking rules have the same name.", field="masking")
    Masking(checked)
    return tuple(checked)


def _check_as_it_stands(text: str, least: int, most: int, *, field: str) -> None:
    """Raises Invalid like `check_text`, but blanks at the ends of a pattern mean something."""
    if not least <= len(text) <= most:
        raise Invalid(f"`{field}` has {least} to {most:,} characters.", field=field)
    if text.strip():
        check_text(text, field=field, most=most)


def _compiled(rule: MaskingRule, place: int) -> Any:
    field = f"masking.{place}.pattern"
    try:
        pattern = re2.compile(rule.pattern, _options())
    except re2.error as error:
        said = error.args[0]
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise Invalid(
            f"`{rule.name}` is no pattern that RE2 takes ({reason}). It has neither backreferences nor lookaround.",
            field=field,
        ) from error
    if pattern.search("") is not None:
        raise Invalid(f"`{rule.name}` matches an empty text: ask for one character at least.", field=field)
    return pattern


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options
