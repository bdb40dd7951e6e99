"""Answers in the request's encoding: ExportTraceServiceResponse, or google.rpc.Status for what went wrong."""

from typing import Final

import orjson
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.requests import Request
from starlette.responses import Response

from ingest.problems import Problem

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
UNKNOWN: Final = 2
CODES: Final = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 12,  # UNIMPLEMENTED
    405: 12,
    413: 8,  # RESOURCE_EXHAUSTED
    415: 3,
    429: 8,
    503: 14,  # UNAVAILABLE
}
"""Codes of gRPC by status of HTTP."""
STORAGE_FULL: Final = 507
UNAVAILABLE: Final = 503


def media_type(request: Request) -> str:
    """The declared type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def exported(kind: str, rejected: int, message: str) -> Response:
    """The answer to spans that were taken, but for `rejected` ones."""
    if kind == PROTOBUF:
        answer = ExportTraceServiceResponse()
        if rejected:
            answer.partial_success.rejected_spans = rejected
            answer.partial_success.error_message = message
        return Response(answer.SerializeToString(), media_type=PROTOBUF)
    partial = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": message}} if rejected else {}
    return Response(orjson.dumps(partial), media_type=JSON)


def failed(kind: str, problem: Problem) -> Response:
    """The answer to a request that was turned away. Exporters repeat it after a 503, and drop the spans at a 507."""
    status = UNAVAILABLE if problem.status == STORAGE_FULL else problem.status
    code = CODES.get(status, UNKNOWN)
    if kind == PROTOBUF:
        body = Status(code=code, message=problem.detail).SerializeToString()
        return Response(body, status, problem.headers, PROTOBUF)
    return Response(orjson.dumps({"code": code, "message": problem.detail}), status, problem.headers, JSON)
