"""OTLP in protobuf, read as messages of our own that are the same on the wire and cost less.

Whatever upb hands over as a message is an object to make, and a span has a dozen attributes. On the wire a message is
bytes with a length, and upb hands those over for far less; so `attributes` are bytes here. The same ones come again and
again: what they say is remembered. Fields that nobody asks for are left out.
"""

import struct
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from ingest.otlp.attributes import Value, clean, read_as
from ingest.otlp.wire import Traces, Undecodable
from resolvers.events.rejections import Refused

KEY: Final = 0x0A
VALUE: Final = 0x12
"""Tags in a KeyValue."""
STRING: Final = 0x0A
DOUBLE: Final = 0x21
"""Tags in an AnyValue."""
ONE_BYTE: Final = 0x80
"""Lengths below it take one byte."""
BYTES_OF_FRACTION: Final = 8
SHORT: Final = 100
MOST_REMEMBERED: Final = 30_000
MESSAGES: Final = {
    "Request": {"resource_spans": (1, "*ResourceSpans")},
    "ResourceSpans": {"resource": (1, "Resource"), "scope_spans": (2, "*ScopeSpans")},
    "Resource": {"attributes": (1, "*bytes")},
    "ScopeSpans": {"spans": (2, "*Span")},
    "Span": {
        "trace_id": (1, "bytes"),
        "span_id": (2, "bytes"),
        "name": (5, "string"),
        "kind": (6, "int32"),
        "start_time_unix_nano": (7, "fixed64"),
        "end_time_unix_nano": (8, "fixed64"),
        "attributes": (9, "*bytes"),
        "events": (11, "*Moment"),
        "status": (15, "Status"),
    },
    "Moment": {"time_unix_nano": (1, "fixed64"), "name": (2, "string"), "attributes": (3, "*bytes")},
    "Status": {"message": (2, "string"), "code": (3, "int32")},
}
"""The messages: the number and the type of each field, `*` before those that repeat."""

TYPES: Final = {
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "string": FieldDescriptorProto.TYPE_STRING,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "fixed64": FieldDescriptorProto.TYPE_FIXED64,
}
PACKAGE: Final = "vigie.otlp"


def _request() -> Any:
    """The class of the first of MESSAGES."""
    file = FileDescriptorProto(name="vigie/otlp.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(message, field, number, kind)
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{next(iter(MESSAGES))}"))


def _add(message: DescriptorProto, name: str, number: int, kind: str) -> None:
    field = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    if kind.startswith("*"):
        kind = kind.removeprefix("*")
        field.label = FieldDescriptorProto.LABEL_REPEATED
    if kind in TYPES:
        field.type = TYPES[kind]
    else:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{kind}"


_Request: Final = _request()
_double: Final = struct.Struct("<d").unpack_from


def from_protobuf(body: bytes) -> Traces:
    """The spans of an ExportTraceServiceRequest. Raises Undecodable."""
    try:
        request = _Request.FromString(body)
        resources = [
            (
                [*_pairs_of(each.resource.attributes)],
                list(chain.from_iterable(scope.spans for scope in each.scope_spans)),
            )
            for each in request.resource_spans
        ]
    except (DecodeError, Refused) as error:
        raise Undecodable("The body is not an ExportTraceServiceRequest in protobuf.") from error
    return Traces(resources, _pairs_of, _read)


class _Pairs(dict[bytes, tuple[str, Any]]):
    """Names and values by the bytes of their KeyValue. Short ones are remembered; of fractions, the names."""

    def __init__(self) -> None:
        self._before_fractions: dict[bytes, str] = {}

    def __missing__(self, encoded: bytes) -> tuple[str, Any]:
        before = encoded[:-BYTES_OF_FRACTION]
        if before in self._before_fractions:
            return self._before_fractions[before], _double(encoded, len(before))[0]
        name, value = _taken_apart(encoded)
        pair = (name, read_as(name, value, _read))
        if len(encoded) <= SHORT:
            if len(self) + len(self._before_fractions) >= MOST_REMEMBERED:
                self.clear()
                self._before_fractions.clear()
            if type(pair[1]) is not float:
                self[encoded] = pair
            elif value[0] == DOUBLE:
                self._before_fractions[before] = name
        return pair


_pair: Final = _Pairs().__getitem__


def _pairs_of(attributes: Iterable[bytes]) -> Iterable[tuple[str, Any]]:
    return map(_pair, attributes)


def _taken_apart(encoded: bytes) -> tuple[str, bytes]:
    """The key and the bytes of the value. Raises Refused."""
    if len(encoded) > 4 and encoded[0] == KEY:
        behind = 2 + encoded[1]
        if (
            encoded[1] < ONE_BYTE
            and len(encoded) > behind + 1
            and encoded[behind] == VALUE
            and len(encoded) == behind + 2 + encoded[behind + 1] < behind + 2 + ONE_BYTE
        ):
            return clean(encoded[2:behind].decode(errors="replace")), encoded[behind + 2 :]
    try:
        attribute = KeyValue.FromString(encoded)
    except DecodeError as error:
        raise Refused(None, "An attribute of the span is not OTLP in protobuf.") from error
    return clean(attribute.key), attribute.value.SerializeToString()


def _read(encoded: bytes) -> Value | None:
    """The value of an AnyValue; None for nothing and for bytes."""
    size = len(encoded)
    if size > 1:
        if encoded[0] == STRING and encoded[1] < ONE_BYTE and size == encoded[1] + 2:
            return clean(encoded[2:].decode(errors="replace"))
        if encoded[0] == DOUBLE and size == 1 + BYTES_OF_FRACTION:
            number: float = _double(encoded, 1)[0]
            return number
    try:
        return _plain(AnyValue.FromString(encoded))
    except DecodeError:
        return None


def _plain(value: AnyValue) -> Value | None:
    """The same of a value that is not short."""
    which = value.WhichOneof("value")
    if which == "array_value":
        items = (_plain(item) for item in value.array_value.values)
        return [item for item in items if item is not None]
    if which == "kvlist_value":
        return {clean(member.key): _plain(member.value) for member in value.kvlist_value.values}
    if which == "string_value":
        return clean(value.string_value)
    if which in ("int_value", "double_value", "bool_value"):
        found: Value = getattr(value, which)
        return found
    return None
