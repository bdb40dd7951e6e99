"""What the process says about itself: JSON logs on standard error, figures for Prometheus.

A log line has `timestamp`, `level`, `service`, `logger` and `message`, and `request_id` and `project` where they are
known. Metrics are declared in the modules that move them; here they are only shown.
"""

import logging
import platform
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Info, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from structlog.typing import EventDict, Processor, WrappedLogger

from vigie.settings import Settings

if TYPE_CHECKING:
    from vigie.tracing import Tracing

VERSION: Final = version("vigie")

BUILD: Final = Info("vigie_build", "Which Vigie runs, and on what.")


def configure_logs(level: str) -> None:
    """Sends every log line from `level` (`info`) up, of ours and of the libraries', to standard error as JSON."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _of_service,
    ]
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, _as_json],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=_standard_error,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _as_json],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(numeric, logging.INFO))
    # What a library tells about each of its steps is no news here.
    for chatty in ("uvicorn", "alembic", "httpx2", "httpcore2"):
        logging.getLogger(chatty).setLevel(max(numeric, logging.WARNING))


def tell_build(environment: str) -> None:
    """Shows which Vigie this process is, and of which installation."""
    BUILD.info({"version": VERSION, "python": platform.python_version(), "environment": environment})


def open_tracing(settings: Settings) -> "Tracing | None":
    """What collects spans, when there is somewhere to send them. Only then are the libraries for it imported."""
    if settings.otlp_endpoint is None:
        return None
    from vigie.tracing import Tracing  # noqa: PLC0415

    return Tracing(settings.otlp_endpoint, settings.environment)


def metrics(_: Request) -> Response:
    """Every figure of this process, as Prometheus reads it."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _standard_error(*names: Any) -> structlog.WriteLogger:
    return structlog.WriteLogger(sys.stderr)


def _of_service(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    line["service"] = "vigie"
    return line


def _as_json(_: WrappedLogger, __: str, line: EventDict) -> str:
    line.pop("color_message", None)
    ordered = {"timestamp": line.pop("timestamp"), "level": line.pop("level"), "message": line.pop("event"), **line}
    return orjson.dumps(ordered, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
