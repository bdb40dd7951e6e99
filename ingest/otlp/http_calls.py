"""Spans of served HTTP requests as API calls."""

from typing import Any, Final, cast
from urllib.parse import urlsplit

from ingest.otlp.attributes import Found
from ingest.otlp.names import Field
from ingest.otlp.wire import EPOCH, ERROR, SERVER, UNSPECIFIED, Span
from resolvers.events.inputs import BYTES, ApiCallInput
from resolvers.events.rejections import Refused, unfit

FAILED: Final = 500
CLIENT_LEFT: Final = 499
"""As nginx counts a request whose client went away before there was an answer."""
OTHER_METHOD: Final = "_OTHER"


def is_served(span: Span, found: Found) -> bool:
    """Whether this is a request that the product served. Without a kind the route's template tells."""
    if Field.METHOD not in found.texts:
        return False
    return span.kind == SERVER or (span.kind == UNSPECIFIED and Field.ROUTE in found.texts)


def api_call(span: Span, found: Found) -> ApiCallInput:
    """What the span says of the request; all spans have more to say. Raises Refused.

    Nothing has looked at the limits of its texts and numbers yet.
    """
    texts = found.texts
    method = texts[Field.METHOD]
    if method == OTHER_METHOD:
        method = texts.get(Field.ORIGINAL_METHOD, method)
    return ApiCallInput(
        time=EPOCH,
        method=method,
        route=texts.get(Field.ROUTE) or _path(found),
        status=_status(span, found),
        request_bytes=found.count(Field.REQUEST_BYTES, BYTES),
        response_bytes=found.count(Field.RESPONSE_BYTES, BYTES),
        cache=cast("Any", texts.get(Field.CACHE)),
    )


def _path(found: Found) -> str:
    """The path as it was asked, which belongs to no route."""
    if (said := found.texts.get(Field.PATH)) is None:
        raise Refused("route", "No attribute names the route: set `http.route` or `url.path`.")
    try:
        return urlsplit(said).path or "/"
    except ValueError as error:
        raise unfit("route") from error


def _status(span: Span, found: Found) -> int:
    status = found.count(Field.STATUS)
    if status is None:
        return FAILED if span.status.code == ERROR else CLIENT_LEFT
    return status
