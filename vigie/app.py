"""The application: what the process is made of, how it is wired, and in which order it starts and ends."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from ingest import heartbeats, json_events
from ingest.json_events import JsonEvents
from ingest.otlp import others, traces
from ingest.problems import Problem
from integrations.addresses import Allowed
from integrations.answer_store import AnswerStore
from integrations.circuits import Circuits
from integrations.guard import Guard
from integrations.guarded_sending import GuardedSender
from integrations.jwks import KeySet
from integrations.notifications import Notifier
from integrations.prices import ListPrices
from integrations.shared_counters import SharedCounters
from models import Database
from realtime.backends import open_broadcast
from realtime.hub import Hub
from resolvers.bugs.figures import REFRESH_SECONDS, show_bugs
from resolvers.circuits import TELL_SECONDS, CircuitNews
from resolvers.components.terms import Process
from resolvers.connections import Connections
from resolvers.databases.sampling import LOOK_SECONDS as SAMPLE_SECONDS
from resolvers.databases.sampling import Sampler
from resolvers.deliveries.due import show_pending
from resolvers.erasures.steps import erase
from resolvers.events.writer import Writer
from resolvers.metrics.today import REFRESH_SECONDS as TODAY_SECONDS
from resolvers.metrics.today import show_today
from resolvers.rates import SHARE_SECONDS, Admission, Quota, share_all
from resolvers.recommendations.job import sweep
from resolvers.rejects.noting import Rejects
from resolvers.repricings import job as repricings
from resolvers.retentions.job import enforce
from resolvers.revisions import Versions
from resolvers.storage.room import LOOK_SECONDS as ROOM_SECONDS
from resolvers.storage.room import MIB, Reserve
from resolvers.suspects import Suspects
from schema import schema
from schema.caching import Cache, CachingEngine
from schema.context import Services
from schema.execution import Engine
from schema.http import GraphQLOverHTTP
from schema.limits import Limits
from schema.websocket import GraphQLOverWebSocket
from vigie import exports, graphiql, own_calls, statuses
from vigie.advising import Advising
from vigie.alerting import FORGET_SECONDS, LOOK_SECONDS, SILENCES_SECONDS, Alerting
from vigie.auth import Authenticator, expiry_of, revocation_of
from vigie.bootstrap import bootstrap
from vigie.delivering import CLEAN_SECONDS, PENDING_SECONDS, SWEEP_SECONDS, Delivering
from vigie.encryption import open_vault
from vigie.expiring import EXPIRE_SECONDS, expire
from vigie.folding import Folding, roll_ups_keep_up
from vigie.http import Outermost, Shortcuts
from vigie.jobs import Jobs
from vigie.migrate import migrate
from vigie.own_calls import OwnCalls
from vigie.partitions import make_months
from vigie.probes import Readiness, database_answers, live
from vigie.reconciling import RECONCILE_SECONDS, open_fetcher
from vigie.settings import Settings
from vigie.telemetry import VERSION, metrics, open_tracing, tell_build
from vigie.tokens import Tokens
from vigie.watching import WATCH_SECONDS, Watching
from vigie_sdk import VigieMiddleware

RESTART_SECONDS: Final = 1.0
REJECTS_SECONDS: Final = 1.0
LAST_USES_SECONDS: Final = 5.0
KEY_SECONDS: Final = 1.0
TOKEN_KEYS_SECONDS: Final = 300.0
PARTITIONS_SECONDS: Final = 24 * 3600.0
ADVICE_SECONDS: Final = 60.0
RECOMMENDATIONS_SECONDS: Final = 2.0
REPRICING_SECONDS: Final = 1.0
RETENTION_SECONDS: Final = 10.0
ERASURES_SECONDS: Final = 2.0

NOTHING_HERE: Final = (
    "There is nothing at this address. GraphQL and GraphiQL are at /graphql, events are sent to /v1/events, "
    "and /health/live, /health/ready and /metrics tell how Vigie is."
)

log = structlog.get_logger(__name__)


def create_app(settings: Settings) -> Starlette:
    """The ASGI application. Its lifespan migrates the database, makes the first key, and runs what runs beside it.

    `app.state.readiness` is the Readiness of the process and `app.state.connections` are its Connections.
    `app.state.first_key` is, after the start, the text of the admin key that this start generated, or None.
    """
    tell_build(settings.environment)
    tracing = open_tracing(settings)
    database = Database(settings.database)
    hub = Hub(database, open_broadcast(settings.redis_url))
    folding, prices = Folding(database), ListPrices()
    reserve = Reserve(database, settings.disk_reserve_mb * MIB)
    key_set = KeySet(settings.jwt_jwks_url) if settings.jwt_jwks_url else None
    tokens = Tokens(settings.token_terms, key_set) if settings.token_terms else None
    suspects = Suspects(keys_a_minute=settings.rate_bad_keys)
    admission = Admission(Quota("key", settings.rate_key_cost), Quota("address", settings.rate_address_cost))
    events = Quota("events", settings.rate_key_events)
    authenticator = Authenticator(database, tokens, suspects)
    news = CircuitNews(f"{socket.gethostname()}:{os.getpid()}")
    circuits = Circuits(news.changed)
    answers = AnswerStore(circuits, most_bytes=settings.cache_mb * MIB, redis_url=settings.redis_url)
    rejects = Rejects(authenticator.owner_of)
    writer = Writer(
        database,
        prices,
        publish=hub.publish,
        on_commit=folding.committed,
        refusal=lambda: reserve.refusal,
        rejects=rejects,
        quota=events,
    )
    own = OwnCalls(database, writer)
    advising = Advising(settings, database, writer, circuits)
    connections = Connections(f"{socket.gethostname()}:{os.getpid()}", most_per_key=settings.sockets_per_key)
    vault, guard = open_vault(settings), Guard(Allowed(settings.allowed_networks))
    fetcher = open_fetcher(settings, database, vault)
    sender = GuardedSender(Notifier(guard), circuits)
    watching = Watching(settings, database, vault, guard, reserve)
    delivering = Delivering(settings, database, sender, vault)
    alerting = Alerting(database, settings.pace, connections, authenticator.take_refusals, suspects.take_attempts)
    readiness = Readiness()
    readiness.add("database", database_answers(database))
    readiness.add("roll-ups", roll_ups_keep_up(database))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as ending:
            if tracing is not None:
                ending.push_async_callback(tracing.close)
            ending.push_async_callback(database.close)
            await migrate(database)
            admin_key = settings.admin_key.get_secret_value() if settings.admin_key else None
            app.state.first_key = await bootstrap(database, admin_key=admin_key)
            ending.push_async_callback(authenticator.close)
            database.published = hub.publish_activities
            await ending.enter_async_context(hub)
            await answers.start()
            ending.push_async_callback(answers.close)
            ending.push_async_callback(rejects.close, database)
            await writer.start()
            ending.push_async_callback(writer.stop)
            await own.prepare()
            ending.push_async_callback(own.store)
            ending.push_async_callback(advising.close)
            await watching.prepare()
            await delivering.start()
            ending.push_async_callback(delivering.close)
            jobs = Jobs()
            ending.push_async_callback(jobs.close)
            jobs.every(RESTART_SECONDS, "roll-ups", folding.run)
            jobs.every(REJECTS_SECONDS, "rejects", lambda: rejects.write(database))
            jobs.every(EXPIRE_SECONDS, "old content and rejects", lambda: expire(database))
            jobs.every(own_calls.STORE_SECONDS, "own calls", own.store)
            jobs.every(LAST_USES_SECONDS, "last uses of keys", authenticator.write_uses)
            jobs.every(KEY_SECONDS, "connections of expired keys", expiry_of(connections))
            jobs.every(KEY_SECONDS, "connections of revoked keys", revocation_of(connections, database))
            jobs.every(REFRESH_SECONDS, "figures of bugs", lambda: show_bugs(database))
            jobs.every(RECOMMENDATIONS_SECONDS, "recommendations", lambda: sweep(database, settings.terms))
            jobs.every(RECONCILE_SECONDS, "provider costs", fetcher.run)
            jobs.every(ERASURES_SECONDS, "erasures", lambda: erase(database))
            jobs.every(ADVICE_SECONDS, "daily advice", advising.run)
            jobs.every(WATCH_SECONDS, "watch", watching.watch(jobs).run)
            jobs.every(LOOK_SECONDS, "alerts", alerting.evaluate)
            jobs.every(SAMPLE_SECONDS, "figures of the database", Sampler(database).look)
            jobs.every(TODAY_SECONDS, "figures of today", lambda: show_today(database))
            jobs.every(SILENCES_SECONDS, "expired silences", alerting.tell)
            jobs.every(SWEEP_SECONDS, "deliveries", delivering.sweep)
            jobs.every(PENDING_SECONDS, "pending deliveries", lambda: show_pending(database))
            jobs.every(CLEAN_SECONDS, "ended jobs", delivering.clean)
            jobs.every(FORGET_SECONDS, "old evaluations", alerting.forget)
            jobs.every(REPRICING_SECONDS, "repricings", lambda: repricings.sweep(database, prices))
            jobs.every(ROOM_SECONDS, "room", reserve.look)
            jobs.every(TELL_SECONDS, "circuits", lambda: news.tell(database))
            if settings.redis_url:
                shared = SharedCounters(settings.redis_url, circuits)
                ending.push_async_callback(shared.close)
                quotas = (admission.keys, admission.addresses, events)
                jobs.every(SHARE_SECONDS, "rates", lambda: share_all(quotas, shared, hub.installation))
            jobs.every(RETENTION_SECONDS, "retention", lambda: enforce(database))
            if key_set is not None:
                jobs.every(TOKEN_KEYS_SECONDS, "keys of tokens", key_set.refresh)
            if database.dialect == "postgresql":
                jobs.every(PARTITIONS_SECONDS, "partitions", lambda: make_months(database))
            readiness.started = True
            log.info("ready", version=VERSION, database=database.dialect, redis=settings.redis_url is not None)
            yield
            readiness.started = False
            log.info("ending")

    services = Services(
        database,
        hub,
        writer,
        authenticator.forget,
        connections,
        settings.terms,
        advising.generator,
        pace=settings.pace,
        vault=vault,
        guard=guard,
        sender=sender,
        watch=settings.watch,
        reserve=reserve,
        prices=prices,
        process=Process(version=VERSION, environment=settings.environment),
        fetcher=fetcher,
        admission=admission,
        suspects=suspects,
        circuits=circuits,
    )
    cache = Cache(
        Versions(database, stale_seconds=settings.cache_stale_seconds, circuits=circuits), answers, VERSION, hub
    )
    limits, seconds = Limits(cost=settings.operation_cost), settings.operation_seconds
    engine = (
        CachingEngine(schema, services, cache, limits, seconds=seconds)
        if settings.cache_mb
        else Engine(schema, services, limits, seconds=seconds)
    )
    authenticate = authenticator.authenticate
    doors: dict[str, ASGIApp] = {
        json_events.PATH: JsonEvents(authenticate, writer),
        traces.PATH: traces.OtlpTraces(authenticate, writer),
        "/graphql": GraphQLOverHTTP(
            engine, authenticate, connections, page=graphiql.page, closing=lambda: readiness.draining
        ),
    }
    routes: list[BaseRoute] = [
        *(Route(path, others.refuse, methods=["GET", "POST"]) for path in others.SIGNALS),
        Route("/", RedirectResponse("/graphql")),
        WebSocketRoute(
            "/graphql",
            GraphQLOverWebSocket(
                engine,
                authenticate,
                connections,
                allowed_origins=settings.allowed_origins,
                closing=lambda: readiness.draining,
            ),
        ),
        *exports.routes(authenticate, database),
        Route(heartbeats.PATH, heartbeats.Heartbeats(database).answer, methods=["POST"]),
        Route(statuses.PATH, statuses.Statuses(database).answer),
        Route("/health", readiness.health),
        Route("/health/startup", readiness.startup),
        Route("/health/live", live),
        Route("/health/ready", readiness.ready),
        Route("/metrics", metrics),
        graphiql.assets(),
    ]
    paths = {route.path for route in routes if isinstance(route, Route)} | {
        *doors,
        "/graphiql/",
        heartbeats.PREFIX,
        statuses.PREFIX,
    }
    middleware = [
        Middleware(VigieMiddleware, vigie=own, environment=settings.environment, exclude=own.excludes),
        Middleware(
            Outermost,
            routes=paths,
            closing=lambda: readiness.draining,
            starting=lambda: not readiness.started,
            suspects=suspects,
        ),
    ]
    if settings.allowed_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.allowed_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
                expose_headers=["Age", "Cache-Status", "X-Request-ID", "Retry-After"],
            )
        )
    if tracing is not None:
        middleware.insert(1, Middleware(tracing.requests))
    middleware.append(Middleware(Shortcuts, ways=doors))
    app = Starlette(
        routes=routes, middleware=middleware, lifespan=lifespan, exception_handlers={HTTPException: _refused}
    )
    app.state.readiness = readiness
    app.state.connections = connections
    return app


async def _refused(_: Request, error: Exception) -> Response:
    """What Starlette refuses by itself: an unknown path, a method that a path does not take."""
    if not isinstance(error, HTTPException):
        raise error
    detail = NOTHING_HERE if error.status_code == HTTPStatus.NOT_FOUND else error.detail
    response = Problem(error.status_code, detail).response()
    response.headers.update(error.headers or {})
    return response
