"""`/v1/metrics` and `/v1/logs`, which Vigie does not take: it says so, and discards nothing behind a 200."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ingest.otlp.answers import failed, media_type
from ingest.problems import Problem

METRICS: Final = "/v1/metrics"
LOGS: Final = "/v1/logs"
SIGNALS: Final = {METRICS: "METRICS", LOGS: "LOGS"}


async def refuse(request: Request) -> Response:
    """404, with the setting that stops an exporter from sending them."""
    signal = SIGNALS[request.url.path]
    return failed(
        media_type(request),
        Problem(
            404,
            f"Vigie takes traces only, at /v1/traces, and no {signal.lower()}: set OTEL_{signal}_EXPORTER=none.",
        ),
    )
