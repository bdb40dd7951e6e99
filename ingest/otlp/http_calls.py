"""Spans of served HTTP requests as API calls."""

from typing import Any, Final, cast
from urllib.parse import urlsplit

from ingest.otlp.attributes import Said, count
from ingest.otlp.identities import identity_of
from ingest.otlp.plans import Found
from ingest.otlp.wire import ERROR, SERVER, UNSPECIFIED, Span
from resolvers.events.inputs import BYTES, ApiCallInput
from resolvers.events.rejections import Refused, unfit

FAILED: Final = 500
CLIENT_LEFT: Final = 499
"""As nginx counts a request whose client went away before there was an answer."""
OTHER_METHOD: Final = "_OTHER"


def is_served(span: Span, said: Said) -> bool:
    """Whether this is a request that the product served. Without a kind the route's template tells."""
    if said.method is None:
        return False
    return span.kind == SERVER or (span.kind == UNSPECIFIED and said.route is not None)


def api_call(span: Span, found: Found) -> ApiCallInput:
    """What the span says of the request. Raises Refused. Nothing has looked at the limits of texts and numbers yet."""
    said = found.said
    span_id, trace_id, time, duration_ms = identity_of(span)
    method = cast("str", said.method)
    if method == OTHER_METHOD and said.original_method is not None:
        method = said.original_method
    return ApiCallInput(
        time=time,
        method=method,
        route=said.route or _path(said),
        status=_status(span, said),
        id=span_id,
        duration_ms=duration_ms,
        request_bytes=count("requestBytes", said.request_bytes, BYTES),
        response_bytes=count("responseBytes", said.response_bytes, BYTES),
        subject=said.subject,
        environment=said.environment,
        trace_id=trace_id,
        cache=cast("Any", said.cache),
        attributes=found.kept,
    )


def _path(said: Said) -> str:
    """The path as it was asked, which belongs to no route."""
    if said.path is None:
        raise Refused("route", "No attribute names the route: set `http.route` or `url.path`.")
    try:
        return urlsplit(said.path).path or "/"
    except ValueError as error:
        raise unfit("route") from error


def _status(span: Span, said: Said) -> int:
    status = count("status", said.status)
    if status is None:
        return FAILED if span.status.code == ERROR else CLIENT_LEFT
    return status
