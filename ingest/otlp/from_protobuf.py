"""OTLP in protobuf, read as messages of our own that are the same on the wire and cost less.

Whatever upb hands over as a message is an object to make for each attribute, and a span has a dozen. A list of pairs of
a key and a message is also a map from strings to bytes, which upb hands over as str and bytes; so `attributes` is one
here, and its values are read below. Fields that nobody asks for are left out.
"""

import struct
from collections.abc import Mapping
from itertools import chain
from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from ingest.otlp.attributes import Value, clean
from ingest.otlp.wire import Traces, Undecodable

STRING: Final = b"\x0a"
DOUBLE: Final = b"\x21"
"""Tags of values in an AnyValue."""
ONE_BYTE: Final = 0x80
"""Lengths below it take one byte."""
BYTES_OF_DOUBLE: Final = 9
SHORT: Final = 40
MOST_REMEMBERED: Final = 20_000
MESSAGES: Final = {
    "Request": {"resource_spans": (1, "*ResourceSpans")},
    "ResourceSpans": {"resource": (1, "Resource"), "scope_spans": (2, "*ScopeSpans")},
    "Resource": {"attributes": (1, "map")},
    "ScopeSpans": {"spans": (2, "*Span")},
    "Span": {
        "trace_id": (1, "bytes"),
        "span_id": (2, "bytes"),
        "name": (5, "string"),
        "kind": (6, "int32"),
        "start_time_unix_nano": (7, "fixed64"),
        "end_time_unix_nano": (8, "fixed64"),
        "attributes": (9, "map"),
        "events": (11, "*Moment"),
        "status": (15, "Status"),
    },
    "Moment": {"time_unix_nano": (1, "fixed64"), "name": (2, "string"), "attributes": (3, "map")},
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
    if kind in TYPES:
        field.type = TYPES[kind]
        return
    field.type = FieldDescriptorProto.TYPE_MESSAGE
    if kind == "map":
        entry = message.nested_type.add(name="AttributesEntry")
        entry.options.map_entry = True
        _add(entry, "key", 1, "string")
        _add(entry, "value", 2, "bytes")
        kind = f"*{message.name}.{entry.name}"
    if kind.startswith("*"):
        field.label = FieldDescriptorProto.LABEL_REPEATED
    field.type_name = f".{PACKAGE}.{kind.removeprefix('*')}"


_Request: Final = _request()
_double: Final = struct.Struct("<d").unpack_from


def from_protobuf(body: bytes) -> Traces:
    """The spans of an ExportTraceServiceRequest. Raises Undecodable."""
    try:
        request = _Request.FromString(body)
    except DecodeError as error:
        raise Undecodable("The body is not an ExportTraceServiceRequest in protobuf.") from error
    resources = [
        (each.resource.attributes, list(chain.from_iterable(scope.spans for scope in each.scope_spans)))
        for each in request.resource_spans
    ]
    return Traces(resources, _same, _values.__getitem__)


class _Values(dict[bytes, Value | None]):
    """Values by the bytes of their AnyValue: None for nothing and for bytes. Short ones are remembered."""

    def __missing__(self, encoded: bytes) -> Value | None:
        value = _read(encoded)
        if len(encoded) <= SHORT and not isinstance(value, float | list | dict):
            if len(self) >= MOST_REMEMBERED:
                self.clear()
            self[encoded] = value
        return value


_values: Final = _Values()


def _read(encoded: bytes) -> Value | None:
    tag, size = encoded[:1], len(encoded)
    if tag == STRING and size < ONE_BYTE and size == encoded[1] + 2:
        return clean(encoded[2:].decode(errors="replace"))
    if tag == DOUBLE and size == BYTES_OF_DOUBLE:
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


def _same(attributes: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return attributes
