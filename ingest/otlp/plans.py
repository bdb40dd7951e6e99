"""Plans: where what stands among the attributes of a span, found once for all spans that have the same names."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec import Struct

from ingest.otlp.attributes import Said, Value
from ingest.otlp.names import CONTENT, KEPT_PREFIX, MEANINGS, SIDES, TELLING, TOKENS, Field
from resolvers.events.inputs import ATTRIBUTE_KEY, ATTRIBUTES, Tokens

Pairs: TypeAlias = Sequence[tuple[str, Any]]
Pick: TypeAlias = Callable[[tuple[Any, ...]], tuple[Any, ...]]
LONGEST_NAMES: Final = 4096
MOST_PLANS: Final = 2000
MOST_DIGITS: Final = 4
NOWHERE: Final = -1
"""The place of what nobody says: None stands behind the values."""
SAID: Final = tuple(Field[name.upper()] for name in Said._fields)
COUNTS: Final = (
    *(Field[name.upper()] for name in Tokens.__struct_fields__),
    Field.TOTAL,
    Field.CACHE_READ_AS_BILLED,
    Field.CACHE_WRITE_AS_BILLED,
)
_STARTS: Final = tuple(SIDES)
_said: Final[Callable[[tuple[Any, ...]], Said]] = partial(tuple.__new__, Said)


class Part(NamedTuple):
    """Where a part of a message stands: of which side, in which message, as what."""

    side: str
    message: int
    name: str
    place: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be picked of the values of attributes with certain names.

    `is_ours`: some may tell of a call. `keeps_little`: what is kept has no more and no longer names than an event may.
    """

    is_ours: bool
    keeps_little: bool
    said: Pick
    counts: Pick
    reported_names: tuple[str, ...]
    reported: Pick
    kept_names: tuple[str, ...]
    kept: Pick
    declared: tuple[tuple[str, int], ...]
    parts: tuple[Part, ...]


class Found(Struct, gc=False):
    """What the attributes of a span say, and what is kept of them, by its key."""

    plan: Plan
    values: tuple[Any, ...]
    said: Said
    kept: dict[str, Value]

    def counts(self) -> tuple[Any, ...]:
        """The counts of tokens, in the order of COUNTS."""
        return self.plan.counts(self.values)

    def reported(self) -> tuple[Value | None, ...]:
        """The values of all attributes that count tokens."""
        return self.plan.reported(self.values)

    def reported_by_name(self) -> dict[str, Value]:
        """The same by their names."""
        return _present(self.plan.reported_names, self.reported())


class Reader:
    """Reads the attributes of the spans of a resource, whose own count where a span says nothing else.

    `declared` are keys that are kept under their own names. `value_of` reads a value as the encoding has it.
    """

    def __init__(
        self, resource: Iterable[tuple[str, Any]], declared: tuple[str, ...], value_of: Callable[[Any], Value | None]
    ) -> None:
        own = [(name, value) for name, value in resource if _means(name) or name in declared]
        self._names = tuple(name for name, _ in own)
        self._values = tuple(value for _, value in own)
        self._declared = declared
        self._value_of = value_of
        self._plans: dict[tuple[str, ...], Plan] = {}

    def read(self, pairs: Iterable[tuple[str, Any]]) -> Found | None:
        """What attributes say; None when they tell of no call."""
        split = tuple(zip(*pairs, strict=True))
        if not split:
            return None
        names, own = split
        plan = self._plans.get(names) or self._plan(names)
        if not plan.is_ours:
            return None
        values = (*self._values, *own, None)
        kept = _present(plan.kept_names, plan.kept(values))
        for key, place in plan.declared:
            if (value := self._value_of(values[place])) is not None:
                kept[key] = value
        return Found(plan, values, _said(plan.said(values)), kept)

    def _plan(self, names: tuple[str, ...]) -> Plan:
        everything = (self._declared, self._names, names)
        plan = _plans.get(everything)
        if plan is None:
            plan = _plan(self._declared, self._names, names)
            if sum(map(len, names)) + sum(map(len, self._names)) <= LONGEST_NAMES:
                if len(_plans) >= MOST_PLANS:
                    _plans.clear()
                _plans[everything] = plan
        self._plans[names] = plan
        return plan


_plans: Final[dict[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], Plan]] = {}


def _plan(declared: tuple[str, ...], of_resource: tuple[str, ...], names: tuple[str, ...]) -> Plan:
    """Of two attributes with one name the last counts, and what the span says before what its resource says."""
    places = {name: place for place, name in enumerate((*of_resource, *names))}
    best: dict[Field, str] = {}
    for name in sorted(places.keys() & MEANINGS.keys(), key=lambda name: (name not in names, MEANINGS[name].rank)):
        field = MEANINGS[name].field
        if field is not None:
            best.setdefault(field, name)
    at = {field: places[name] for field, name in best.items()}
    reported = {name: place for name, place in places.items() if _is(name, TOKENS)}
    kept = {name: place for name, place in places.items() if name in MEANINGS and MEANINGS[name].kept}
    plain: dict[str, int] = {}
    for key in declared:
        if key in places and not key.startswith(_STARTS) and not _is(key, CONTENT):
            (kept if _means(key) else plain)[key] = places[key]
    kept |= {name.removeprefix(KEPT_PREFIX): place for name, place in places.items() if name.startswith(KEPT_PREFIX)}
    return Plan(
        is_ours=not TELLING.isdisjoint(best),
        keeps_little=len(kept) + len(plain) <= ATTRIBUTES and all(len(key) <= ATTRIBUTE_KEY for key in (*kept, *plain)),
        said=_pick([at.get(field, NOWHERE) for field in SAID]),
        counts=_pick([at.get(field, NOWHERE) for field in COUNTS]),
        reported_names=tuple(reported),
        reported=_pick([*reported.values()]),
        kept_names=tuple(kept),
        kept=_pick([*kept.values()]),
        declared=tuple((key, place) for key, place in plain.items() if key not in kept),
        parts=tuple(part for name, place in places.items() if (part := _part(name, place)) is not None),
    )


def _means(name: str) -> bool:
    return name in MEANINGS or name.startswith(KEPT_PREFIX)


def _is(name: str, fields: frozenset[Field]) -> bool:
    return name in MEANINGS and MEANINGS[name].field in fields


def _part(name: str, place: int) -> Part | None:
    """Which part of a message the attribute has, as `gen_ai.prompt.0.content` says."""
    if not name.startswith(_STARTS):
        return None
    start = next(start for start in _STARTS if name.startswith(start))
    number, _, part = name.removeprefix(start).partition(".")
    if not part or not number.isdecimal() or len(number) > MOST_DIGITS:
        return None
    return Part(SIDES[start], int(number), part.removeprefix("message."), place)


def _pick(places: list[int]) -> Pick:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)


def _present(names: tuple[str, ...], values: tuple[Any, ...]) -> dict[str, Any]:
    found = dict(zip(names, values, strict=True))
    return {name: value for name, value in found.items() if value is not None} if None in values else found
