"""What `vigie doctor` looks at. Each examination answers findings; none changes anything that stays."""

import asyncio
import datetime as dt
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx2
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from integrations.jwks import KeysAway, KeySet
from models import Database
from models.base import UtcDateTime
from models.partitions import PARTITIONED, month_of, next_month
from vigie import graphiql
from vigie.encryption import KEY_FILE
from vigie.migrate import Revision, revision
from vigie.settings import Settings, unknown_variables
from vigie.urls import sqlite_file, without_password

PATIENCE: Final = 5.0
LITTLE_ROOM: Final = 1 << 30
NO_ROOM: Final = 100 << 20
OLDEST_POSTGRESQL: Final = 15
NEWEST_POSTGRESQL: Final = 18
OLDEST_REDIS: Final = (6, 2)
SKEW_WARNED: Final = 1.0
SKEW_FAILED: Final = 60.0


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do when it is not well."""

    what: str
    verdict: Verdict
    detail: str
    remedy: str = ""


Examination = Callable[[Settings], Awaitable[list[Finding]]]


def ok(what: str, detail: str) -> Finding:
    return Finding(what, Verdict.OK, detail)


def warn(what: str, detail: str, remedy: str) -> Finding:
    return Finding(what, Verdict.WARN, detail, remedy)


def fail(what: str, detail: str, remedy: str) -> Finding:
    return Finding(what, Verdict.FAIL, detail, remedy)


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Every finding, as it is made."""
    for examination in (variables, folder, key_of_secrets, tokens, database, redis, pages, port):
        for finding in await examination(settings):
            yield finding


async def variables(_: Settings) -> list[Finding]:
    """The settings could be read, or nothing of this would run; some may be misspelt."""
    unknown = unknown_variables()
    if unknown:
        return [warn("settings", f"nothing reads {', '.join(unknown)}", "check the spelling in docs/operating.md")]
    return [ok("settings", "every VIGIE_* variable is known")]


async def folder(settings: Settings) -> list[Finding]:
    """The data folder can be written and has room."""
    place = settings.data_dir.resolve()
    there = next(path for path in (place, *place.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return [fail("data folder", f"{there} cannot be written", "change its owner, or set VIGIE_DATA_DIR")]
    free = shutil.disk_usage(there).free
    detail = f"{place}, {free / (1 << 30):.1f} GiB free"
    if free < NO_ROOM:
        return [fail("data folder", detail, "make room on this disk")]
    if free < LITTLE_ROOM:
        return [warn("data folder", detail, "make room on this disk soon")]
    return [ok("data folder", detail)]


async def key_of_secrets(settings: Settings) -> list[Finding]:
    """Stored secrets can be read again, and by nobody else."""
    what = "secrets' key"
    if settings.encryption_keys:
        return [ok(what, "VIGIE_ENCRYPTION_KEY is set")]
    file = settings.data_dir.resolve() / KEY_FILE
    if settings.database.startswith("postgresql"):
        remedy = "set VIGIE_ENCRYPTION_KEY, the same for every process: what one stores no other can read"
        return [warn(what, "VIGIE_ENCRYPTION_KEY is not set", remedy)]
    try:
        mode, empty = file.stat().st_mode, not file.read_text().strip()
    except FileNotFoundError:
        return [ok(what, f"{file} is made at the first start")]
    except (OSError, UnicodeError) as error:
        return [fail(what, f"{file} cannot be read: {error}", "change its owner, or bring it back from a backup")]
    if empty:
        return [fail(what, f"{file} is empty", "bring it back from a backup: stored secrets are lost without it")]
    if mode & 0o077:
        return [warn(what, f"others may read {file}", f"chmod 600 {file}")]
    return [ok(what, f"{file}: back it up with the database")]


async def tokens(settings: Settings) -> list[Finding]:
    """Tokens can be verified, and those for other programs are not taken."""
    terms = settings.token_terms
    if terms is None:
        return [ok("tokens", "not set: API keys only")]
    findings = [ok("tokens", f"HS256, secrets: {len(terms.secrets)}")] if terms.secrets else []
    if settings.jwt_jwks_url:
        try:
            keys = await KeySet(settings.jwt_jwks_url).find(None)
        except KeysAway:
            keys = []
        if keys:
            findings.append(ok("tokens", f"RS256, keys at {settings.jwt_jwks_url}: {len(keys)}"))
        else:
            remedy = "check VIGIE_JWT_JWKS_URL: a JWKS document with RSA keys of 2048 bits or more"
            findings.append(fail("tokens", f"no keys for RS256 at {settings.jwt_jwks_url}", remedy))
        if not (terms.issuer and terms.audiences):
            remedy = "set VIGIE_JWT_ISSUER and VIGIE_JWT_AUDIENCE"
            findings.append(warn("tokens", "what the issuer signs for others may be taken here", remedy))
    return findings


async def database(settings: Settings) -> list[Finding]:
    """The database answers, is of a version that Vigie runs on, has the present schema, and the right time."""
    address = without_password(settings.database)
    file = sqlite_file(settings.database)
    if file is not None and not file.exists():
        return [warn("database", f"{address} is not there yet", "`vigie serve` makes it at its first start")]
    opened = Database(settings.database, pool_size=1)
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(PATIENCE):
            findings.append(await _version(opened, address))
            found = await revision(opened)
            findings.append(_schema(found))
            if opened.dialect == "postgresql":
                findings.append(await _clock(opened))
                if found is Revision.CURRENT:
                    findings.append(await _partitions(opened))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        reason = "no answer" if isinstance(error, TimeoutError) else str(getattr(error, "orig", None) or error)
        remedy = "start it, and check VIGIE_DATABASE_URL: host, port, user, password, name"
        findings.append(fail("database", f"{address}: {(reason.splitlines() or ['no reason given'])[0]}", remedy))
    finally:
        await opened.close()
    return findings


async def redis(settings: Settings) -> list[Finding]:
    """Redis answers, and what is published arrives."""
    if settings.redis_url is None:
        return [ok("Redis", "not set: live updates stay inside one process, others see them within a second")]
    address = without_password(settings.redis_url)
    client = Redis.from_url(settings.redis_url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
    try:
        async with asyncio.timeout(PATIENCE):
            version = str((await client.info("server"))["redis_version"])
            seconds = await _round_trip(client)
    except (RedisError, OSError, TimeoutError) as error:
        reason = str(error) or "no answer"
        return [fail("Redis", f"{address}: {reason}", "start it, check VIGIE_REDIS_URL, or unset it for one process")]
    finally:
        await client.aclose()
    detail = f"{address}, version {version}, pub/sub in {seconds * 1000:.1f} ms"
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        return [warn("Redis", detail, "Vigie is made for Redis 6.2 and later")]
    return [ok("Redis", detail)]


async def pages(_: Settings) -> list[Finding]:
    """GraphiQL is there to be served."""
    if (graphiql.BUILT / "index.html").is_file():
        return [ok("GraphiQL", "built")]
    return [warn("GraphiQL", "not built: /graphql shows no page in a browser", "run `make graphiql` in the checkout")]


async def port(settings: Settings) -> list[Finding]:
    """The port is free, or a Vigie answers on it."""
    where = f"port {settings.port}"
    try:
        async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            answer = await client.get(f"{settings.url}/health/ready")
        health = answer.json()
        status, reasons = health["status"], health["reasons"]
    except httpx2.ConnectError:
        return [ok(where, f"free on {settings.host}")]
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return [fail(where, "another program answers there", "stop it, or set VIGIE_PORT")]
    if reasons:
        return [fail(where, f"Vigie answers, not ready: {', '.join(reasons)}", "its log says more")]
    return [ok(where, f"Vigie answers at {settings.url}, {status}")]


async def _version(opened: Database, address: str) -> Finding:
    begun = time.perf_counter()
    async with opened.engine.connect() as connection:
        asked = "SHOW server_version" if opened.dialect == "postgresql" else "SELECT sqlite_version()"
        version = str(await connection.scalar(text(asked))).split()[0]
    seconds = time.perf_counter() - begun
    if opened.dialect == "sqlite":
        return ok("database", f"{address}, SQLite {version}")
    detail = f"{address}, PostgreSQL {version}, connected in {seconds * 1000:.0f} ms"
    major = int(version.split(".")[0])
    if major < OLDEST_POSTGRESQL:
        return fail("database", detail, f"use PostgreSQL {OLDEST_POSTGRESQL} to {NEWEST_POSTGRESQL}")
    if major > NEWEST_POSTGRESQL:
        return warn("database", detail, f"Vigie is made for PostgreSQL {OLDEST_POSTGRESQL} to {NEWEST_POSTGRESQL}")
    return ok("database", detail)


def _schema(found: Revision) -> Finding:
    if found is Revision.CURRENT:
        return ok("schema", "up to date")
    if found is Revision.FOREIGN:
        return fail("schema", "a newer Vigie has migrated this database", "run that version, or restore a backup")
    return warn("schema", "not migrated yet", "`vigie migrate`, or the next `vigie serve`, does it")


async def _clock(opened: Database) -> Finding:
    async with opened.read() as session:
        before = dt.datetime.now(dt.UTC)
        (theirs,) = await session.one(select(func.clock_timestamp(type_=UtcDateTime())))
        ours = before + (dt.datetime.now(dt.UTC) - before) / 2
    seconds = abs((theirs - ours).total_seconds())
    detail = f"{seconds:.3f} s from the database's"
    remedy = "let both machines follow a time server"
    if seconds > SKEW_FAILED:
        return fail("clock", detail, remedy)
    return warn("clock", detail, remedy) if seconds > SKEW_WARNED else ok("clock", detail)


async def _partitions(opened: Database) -> Finding:
    this = month_of(dt.datetime.now(dt.UTC))
    names = [f"{table}_{month:%Y_%m}" for table in PARTITIONED for month in (this, next_month(this))]
    async with opened.read() as session:
        missing = [name for name in names if await session.scalar(select(func.to_regclass(name))) is None]
    if missing:
        return warn("partitions", f"missing: {', '.join(missing)}", "`vigie serve` makes them at its start")
    return ok("partitions", "this month's and the next one's are there")


async def _round_trip(client: Redis) -> float:
    channel = f"vigie:doctor:{secrets.token_hex(8)}"
    async with client.pubsub() as listening:
        await listening.subscribe(channel)
        while (await listening.get_message(timeout=PATIENCE) or {}).get("type") != "subscribe":
            pass
        begun = time.perf_counter()
        await client.publish(channel, "?")
        while (await listening.get_message(timeout=PATIENCE) or {}).get("type") != "message":
            pass
        return time.perf_counter() - begun
