"""Parameters of exports: the fields of the GraphQL inputs, lists as repeated ones, a period as its parts.

A list may be named by its singular: `model=gpt-5&model=o3`; attributes go by their key: `attributes.team=search`.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, TypeVar

import msgspec
from graphql import GraphQLError
from starlette.requests import Request

from ingest.problems import Problem
from resolvers.attribute_dimensions import PREFIX, AttributeFilter
from resolvers.errors import Invalid
from resolvers.metrics.periods import Period, make_period
from schema.scalars import parse_date_time, parse_duration

T = TypeVar("T")
SINGULARS: Final = {"statuses": "status", "severities": "severity", "priorities": "priority", "categories": "category"}


class Asked(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What an export is asked for. Parameters named in `any_case` may be written like GraphQL's enums."""

    any_case: ClassVar[frozenset[str]] = frozenset()


class AskedOfPeriod(Asked):
    """An export of a period: `from` and `to`, or `last`."""

    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    last: str | None = None
    time_zone: str = "UTC"
    attributes: dict[str, tuple[str, ...]] = {}

    def attribute_filters(self) -> tuple[AttributeFilter, ...]:
        """The attributes that are asked for."""
        return tuple(AttributeFilter(key, values) for key, values in self.attributes.items())

    def period(self) -> Period:
        """The period meant. Raises Invalid."""
        return make_period(
            start=time_of(self.from_),
            end=time_of(self.to),
            last=self.last if self.last is None else _scalar(parse_duration, self.last),
            zone=self.time_zone,
            now=dt.datetime.now(dt.UTC),
        )


A = TypeVar("A", bound=Asked)


def asked(request: Request, kind: type[A]) -> A:
    """The parameters of a request. Raises Problem (400) that names the one at fault."""
    lists = {field.encode_name for field in msgspec.structs.fields(kind) if field.default == ()}
    singulars = {SINGULARS.get(name, name.removesuffix("s")): name for name in lists}
    sent: dict[str, Any] = {}
    for given in request.query_params:
        values = request.query_params.getlist(given)
        if issubclass(kind, AskedOfPeriod) and given.startswith(PREFIX):
            sent.setdefault("attributes", {})[given.removeprefix(PREFIX)] = values
            continue
        name = singulars.get(given, given)
        values = [value.lower() if name in kind.any_case else value for value in values]
        sent[name] = [*sent.get(name, ()), *values] if name in lists else _single(name, values)
    try:
        return msgspec.convert(sent, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(400, f"The parameters are not understood: {error}.") from error


def time_of(text: str | None) -> dt.datetime | None:
    """The time in a parameter; a `+` that arrived as a space is one again. Raises Invalid."""
    return None if text is None else _scalar(parse_date_time, text.replace(" ", "+"))


def _scalar(parse: Callable[[object], T], text: str) -> T:
    try:
        return parse(text)
    except GraphQLError as error:
        raise Invalid(error.message) from error


def _single(name: str, values: Sequence[str]) -> str:
    if len(values) > 1:
        raise Problem(400, f"`{name[:100]}` is given {len(values)} times: once is enough.")
    return values[0]
