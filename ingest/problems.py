"""Requests that this door turns away as a whole, as `application/problem+json` (RFC 9457)."""

from http import HTTPStatus

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 — an answer, not a fault
    """The request is answered with this status; `detail` says what to do about it."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> Response:
        """The problem document."""
        title = HTTPStatus(self.status).phrase
        body = {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail}
        return Response(orjson.dumps(body), self.status, self.headers, MEDIA_TYPE)
