"""`vigie serve`: the server itself."""

import asyncio
import ctypes
import errno
import gc
import signal
import socket
import sys
from contextlib import AbstractContextManager, nullcontext, suppress

import uvloop
from rich.markup import escape

from vigie.cli.output import command, fail, out
from vigie.lock import AlreadyServed, only_server
from vigie.settings import Settings, load_settings
from vigie.telemetry import VERSION, configure_logs
from vigie.urls import sqlite_file, without_password

BACKLOG = 2048
M_ARENA_MAX = -8


def serve() -> None:
    """Serve Vigie: GraphQL, GraphiQL and the door for events, on one port.

    Without any setting it listens on 127.0.0.1:8000 and keeps its data in .vigie, in the present folder. The first
    start prints an admin key. Ctrl-C ends it.
    """
    settings = load_settings()
    listener = listen(settings)
    port = listener.getsockname()[1]
    settings = settings.model_copy(update={"port": port})
    try:
        share_one_heap()
        with alone(settings):
            configure_logs(settings.log_level)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(run(settings, listener))
    except AlreadyServed as served:
        fail(
            f"Another Vigie (process {served.pid or 'unknown'}) serves {without_password(settings.database)} already.",
            "stop it first, or choose another folder with VIGIE_DATA_DIR; several processes need PostgreSQL",
        )
    finally:
        listener.close()


async def run(settings: Settings, listener: socket.socket) -> None:
    """Starts the application, serves until a signal, and ends it."""
    # They take seconds to import, which no other command should wait for.
    from vigie.app import create_app  # noqa: PLC0415
    from vigie.server import Server, allow_many_files  # noqa: PLC0415

    allow_many_files()
    app = create_app(settings)
    server = Server(app, settings)
    # From the first moment on: probes ask while tables are migrated, too.
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with app.router.lifespan_context(app):
            welcome(settings, app.state.first_key)
            spare_the_collector()
            await serving
            # What was asked for is on its way; a second signal would cut it short of closing the database.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    finally:
        server.should_exit = server.force_exit = True
        await serving


def share_one_heap() -> None:
    """Lets all threads allocate from one heap: glibc would give each its own, and keep what each needed once."""
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def spare_the_collector() -> None:
    """Keeps the garbage collector off what the start made, which stays, and from looking every 700 allocations.

    It took half of the time of a small request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def listen(settings: Settings) -> socket.socket:
    """The socket of the settings, taken before anything else is touched; ends the command when it cannot be had."""
    where = f"{settings.host}:{settings.port}"
    try:
        family, *_, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except (socket.gaierror, UnicodeError):
        fail(f"{settings.host} is no address of this machine.", "set VIGIE_HOST to 127.0.0.1, or to 0.0.0.0 for all")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fail(f"{where} is taken by another program.", "choose another port, say by VIGIE_PORT=8001")
        fail(f"Vigie cannot listen on {where}: {error.strerror}.", "choose another VIGIE_HOST or VIGIE_PORT")
    return listener


def alone(settings: Settings) -> AbstractContextManager[None]:
    """Keeps other servers away from an embedded database."""
    file = sqlite_file(settings.database)
    return nullcontext() if file is None else only_server(file)


def welcome(settings: Settings, first_key: str | None) -> None:
    """Says on standard output where everything is, and the first key, which is not said again."""
    vigie = command()
    out.print(f"\n[bold]Vigie {VERSION}[/] keeps a lookout.\n")
    out.print(f"  GraphQL and GraphiQL   [bold]{settings.url}/graphql[/]")
    out.print(f"  Events                 POST {settings.url}/v1/events")
    out.print(f"  Database               {escape(without_password(settings.database))}\n")
    if first_key is not None:
        out.print(f"  Admin key              [bold]{first_key}[/]")
        out.print("                         Keep it: it is shown only now, and only its hash is stored.\n")
        out.print(f"  Believable traffic     {vigie} demo --key {first_key}")
    else:
        out.print(f"  Another key            {vigie} keys create --role admin")
    out.print(f"  Your own traffic       {vigie} replay FILE --key KEY\n")
    sys.stdout.flush()
