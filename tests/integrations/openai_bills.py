"""A local stand-in for OpenAI's costs and usage of an organization: pages of one day each."""

import datetime as dt
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ADMIN_KEY = "sk-admin-of-tests"


class FakeBills:
    """`costs` and `usage` are the results of each UTC day; `status` other than 200 is what every request gets."""

    def __init__(self) -> None:
        self.url = ""
        self.costs: dict[dt.date, list[dict[str, Any]]] = {}
        self.usage: dict[dt.date, list[dict[str, Any]]] = {}
        self.status = 200
        self.asked: list[dict[str, list[str]]] = []

    def bill(self, day: dt.date, line_item: str, usd: str, currency: str = "usd") -> None:
        amount = {"value": float(usd), "currency": currency}
        self.costs.setdefault(day, []).append(
            {"object": "organization.costs.result", "amount": amount, "line_item": line_item}
        )

    def count(self, day: dt.date, model: str, requests: int, tokens: tuple[int, int], **more: Any) -> None:
        result = {"object": "organization.usage.completions.result", "model": model, "num_model_requests": requests}
        result |= {"input_tokens": tokens[0], "output_tokens": tokens[1], "batch": False, "service_tier": "default"}
        self.usage.setdefault(day, []).append({**result, **more})

    def answer(self, request: Request) -> Response:
        asked = {name: request.query_params.getlist(name) for name in request.query_params}
        self.asked.append({**asked, "path": [request.url.path]})
        if request.headers["authorization"] != f"Bearer {ADMIN_KEY}":
            return JSONResponse({"error": {"message": "Incorrect API key provided"}}, 401)
        if self.status != 200:
            return JSONResponse({"error": {"message": "no"}}, self.status)
        held = self.costs if request.url.path.endswith("/costs") else self.usage
        first, last = (int(request.query_params[name]) for name in ("start_time", "end_time"))
        start = int(request.query_params.get("page", first))
        day = dt.datetime.fromtimestamp(start, dt.UTC).date()
        bucket = {"object": "bucket", "start_time": start, "end_time": start + 86400, "results": held.get(day, [])}
        more = start + 86400 < last
        page = {"object": "page", "data": [bucket], "has_more": more, "next_page": str(start + 86400) if more else None}
        return JSONResponse(page)


@contextmanager
def fake_bills() -> Iterator[FakeBills]:
    """The API until the block ends."""
    fake = FakeBills()
    paths = ("/v1/organization/costs", "/v1/organization/usage/completions")
    app = Starlette(routes=[Route(path, fake.answer) for path in paths])
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    listener = socket.create_server(("127.0.0.1", 0))
    fake.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join()
