"""Logs are JSON, whoever writes them."""

import subprocess
import sys
from typing import Any

import orjson

SCRIPT = """
import logging, structlog
from vigie.telemetry import configure_logs
configure_logs({level!r})
log = structlog.get_logger("ours")
structlog.contextvars.bind_contextvars(request_id="r-1", project="acme")
log.info("hello", count=3, odd={{1, 2}})
logging.getLogger("uvicorn.error").error("theirs %s", "here", extra={{"color_message": "x"}})
logging.getLogger("library").info("chatter")
logging.getLogger("uvicorn").info("chatter that nobody needs")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
log.debug("detail")
"""


def logged(level: str) -> list[dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(level=level)], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == ""
    return [orjson.loads(line) for line in run.stderr.splitlines()]


def test_every_line_says_when_how_grave_and_what() -> None:
    lines = logged("info")
    assert [line["message"] for line in lines] == ["hello", "theirs here", "chatter", "failed"]
    for line in lines:
        assert line["service"] == "vigie"
        assert line["timestamp"].endswith("Z")
        assert (line["request_id"], line["project"]) == ("r-1", "acme")
    assert [line["level"] for line in lines] == ["info", "error", "info", "error"]
    assert lines[0]["count"] == 3
    assert lines[1]["logger"] == "uvicorn.error"
    assert "color_message" not in lines[1]
    assert "ZeroDivisionError" in lines[3]["exception"]


def test_the_level_holds_for_ours_and_theirs() -> None:
    assert [line["message"] for line in logged("error")] == ["theirs here", "failed"]
    assert "detail" in [line["message"] for line in logged("debug")]
