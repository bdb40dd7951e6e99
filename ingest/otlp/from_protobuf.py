"""OTLP in protobuf."""

from itertools import chain
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.otlp.attributes import Value
from ingest.otlp.wire import Traces, Undecodable


def from_protobuf(body: bytes) -> Traces:
    """The spans of an ExportTraceServiceRequest. Raises Undecodable."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise Undecodable("The body is not an ExportTraceServiceRequest in protobuf.") from error
    resources = [
        (each.resource.attributes, list(chain.from_iterable(scope.spans for scope in each.scope_spans)))
        for each in request.resource_spans
    ]
    return Traces(resources, _value_of)


def _value_of(value: Any) -> Value | None:
    """The value of an AnyValue; None for nothing, for bytes and for maps."""
    which = value.WhichOneof("value")
    if which == "array_value":
        items = (_value_of(item) for item in value.array_value.values)
        return [item for item in items if item is not None]
    if which is None or which in ("bytes_value", "kvlist_value", "string_value_strindex"):
        return None
    found: Value = getattr(value, which)
    return found
