"""OTLP in JSON: names in camelCase, ids in hex, 64-bit numbers as strings or numbers, enums as numbers or names."""

import json
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec import Struct

from ingest.otlp.attributes import Value, clean, read_as
from ingest.otlp.wire import ERROR, OK, SERVER, UNSPECIFIED, Traces, Undecodable
from resolvers.events.decoding import HALF_A_PAIR
from resolvers.events.rejections import Refused

LARGEST: Final = 2**64 - 1
LONGEST: Final = 20
OTHER: Final = -1
KINDS: Final = {
    "SPAN_KIND_UNSPECIFIED": UNSPECIFIED,
    "SPAN_KIND_SERVER": SERVER,
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
}
CODES: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": OK, "STATUS_CODE_ERROR": ERROR}


class Identifier(bytes):
    """An id, in hex."""


class Nanoseconds(int):
    """A time: a number of 64 bits without a sign."""


class Kind(int):
    """A kind of span."""


class Code(int):
    """The code of a status."""


class _Array(Struct, rename="camel"):
    values: "list[_AnyValue]" = []


class _Map(Struct):
    values: "list[_KeyValue]" = []


class _AnyValue(Struct, rename="camel", frozen=True):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: _Array | None = None
    kvlist_value: _Map | None = None


class _KeyValue(Struct, rename="camel"):
    key: str = ""
    value: _AnyValue = _AnyValue()


class _Status(Struct, rename="camel", frozen=True):
    code: Code = Code(0)
    message: str = ""


class _Moment(Struct, rename="camel"):
    name: str = ""
    time_unix_nano: Nanoseconds = Nanoseconds(0)
    attributes: list[_KeyValue] = []


class _Span(Struct, rename="camel"):
    trace_id: Identifier = Identifier()
    span_id: Identifier = Identifier()
    name: str = ""
    kind: Kind = Kind(UNSPECIFIED)
    start_time_unix_nano: Nanoseconds = Nanoseconds(0)
    end_time_unix_nano: Nanoseconds = Nanoseconds(0)
    status: _Status = _Status()
    events: list[_Moment] = []
    attributes: list[_KeyValue] = []


class _Resource(Struct, frozen=True):
    attributes: list[_KeyValue] = []


class _Scope(Struct):
    spans: list[_Span] = []


class _LooseScope(Struct):
    spans: list[Any] = []


class _Spans(Struct, rename="camel"):
    resource: _Resource = _Resource()
    scope_spans: list[_Scope] = []


class _LooseSpans(Struct, rename="camel"):
    resource: _Resource = _Resource()
    scope_spans: list[_LooseScope] = []


class _Request(Struct, rename="camel"):
    resource_spans: list[_Spans] = []


class _LooseRequest(Struct, rename="camel"):
    resource_spans: list[_LooseSpans] = []


def _hook(kind: type, value: Any) -> Any:
    """The values that JSON has no type for. Raises ValueError or TypeError."""
    if kind is Identifier:
        return Identifier.fromhex(value)
    if kind is Nanoseconds:
        if isinstance(value, bool | float) or (isinstance(value, str) and len(value) > LONGEST):
            raise ValueError("not a whole number of 64 bits")
        number = Nanoseconds(value)
        if not 0 <= number <= LARGEST:
            raise ValueError("not a number of 64 bits")
        return number
    names = KINDS if kind is Kind else CODES
    return kind(names.get(value, OTHER) if isinstance(value, str) else value)


_decoder: Final = msgspec.json.Decoder(_Request, dec_hook=_hook)


def from_json(body: bytes) -> Traces:
    """The spans of an ExportTraceServiceRequest in JSON; one that is none is refused alone. Raises Undecodable."""
    try:
        try:
            decoded = _decoder.decode(body)
        except msgspec.ValidationError:
            return _one_by_one(body)
        except msgspec.DecodeError:
            if HALF_A_PAIR.search(body) is None:
                raise
            return _one_by_one(body)  # what JavaScript leaves of a text that it cuts
    except RecursionError as error:
        raise Undecodable("The body is nested too deeply to be read: flatten it.") from error
    except msgspec.ValidationError as error:
        raise Undecodable(f"The body is not an ExportTraceServiceRequest in JSON: {error}.") from error
    except ValueError as error:
        raise Undecodable(f"The body is not JSON in UTF-8: {error}.") from error
    resources = [(_pairs_of(each.resource.attributes), _all(each)) for each in decoded.resource_spans]
    return Traces(resources, _pairs_of, _value_of)


def _one_by_one(body: bytes) -> Traces:
    """The same of a body that is not all well. Null is the same as leaving a member out."""
    loose = msgspec.convert(_clean(json.loads(body)), _LooseRequest, dec_hook=_hook)
    resources = [
        (_pairs_of(each.resource.attributes), [_span(span) for span in _all(each)]) for each in loose.resource_spans
    ]
    return Traces(resources, _pairs_of, _value_of)


def _span(value: Any) -> _Span | Refused:
    try:
        return msgspec.convert(value, _Span, dec_hook=_hook)
    except msgspec.ValidationError as error:
        return Refused(None, f"The span is not OTLP in JSON: {error}.")


def _all(resource: Any) -> list[Any]:
    return list(chain.from_iterable(scope.spans for scope in resource.scope_spans))


def _clean(value: Any) -> Any:
    """The value without null and without halves of surrogate pairs."""
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_clean(item) for item in value if item is not None]
    if isinstance(value, str) and not value.isascii():
        return value.encode(errors="replace").decode()
    return value


def _pairs_of(attributes: list[_KeyValue]) -> list[tuple[str, Any]]:
    return [(name := clean(attribute.key), read_as(name, attribute.value, _value_of)) for attribute in attributes]


def _value_of(value: _AnyValue) -> Value | None:
    """The value of an AnyValue; None for nothing and for bytes."""
    if value.string_value is not None:
        return clean(value.string_value)
    if value.int_value is not None:
        return _whole(value.int_value)
    if value.double_value is not None:
        return value.double_value
    if value.bool_value is not None:
        return value.bool_value
    if value.array_value is not None:
        items = (_value_of(item) for item in value.array_value.values)
        return [item for item in items if item is not None]
    if value.kvlist_value is not None:
        return {clean(member.key): _value_of(member.value) for member in value.kvlist_value.values}
    return None


def _whole(value: int | str) -> int | str:
    """A number that travelled as text, where it is one."""
    return int(value) if isinstance(value, str) and len(value) <= LONGEST and value.lstrip("-").isdecimal() else value
