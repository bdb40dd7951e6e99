"""Tells Vigie what a program asks of language models, and what its API serves.

    client = track(OpenAI())                          # each call of this client, from now on
    app.add_middleware(VigieMiddleware)               # each request of a Starlette or FastAPI app

    with context(subject="alice", feature="search"):  # whom, and what, the calls inside are for
        client.chat.completions.create(...)

VIGIE_URL and VIGIE_API_KEY say where to and with which key; `configure` says so in code. Whatever happens to Vigie, the
program notices nothing: events wait in a bounded queue, and a thread sends them.
"""

from vigie_sdk.asgi import VigieMiddleware
from vigie_sdk.client import Vigie
from vigie_sdk.contexts import context
from vigie_sdk.defaults import configure, flush
from vigie_sdk.tracking import track

__all__ = ["Vigie", "VigieMiddleware", "configure", "context", "flush", "track"]
