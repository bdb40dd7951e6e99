"""The settings: read from `VIGIE_*` in the environment, here and nowhere else.

settings = load_settings()  # or a SettingsError, whose problems are sentences for the person who runs Vigie
"""

import datetime as dt
import os
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from integrations.addresses import Allowed
from resolvers.alerts.pace import Pace
from resolvers.components.terms import WatchTerms
from resolvers.recommendations.terms import Terms
from resolvers.recommendations.thresholds import Thresholds
from vigie.lists import listed
from vigie.token_settings import TokenSettings
from vigie.urls import database_url, redis_url

PREFIX = "VIGIE_"
OF_THE_SDK = "VIGIE_URL"
"""Read by programs that record; it may stand in the same environment."""
ADMIN_KEY_LENGTH = 32
ENCRYPTION_KEY_LENGTH = 16


class Settings(BaseSettings, TokenSettings):
    """What a person can set about this process. Each field is the variable `VIGIE_<NAME>`; an empty one is unset."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 lets other machines in.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 takes any free one.")
    data_dir: Path = Field(default=Path(".vigie"), description="Where the embedded database and local state live.")
    database_url: str = Field(
        default="", description="postgresql://… or sqlite:///file; default: vigie.db in the data folder."
    )
    redis_url: str | None = Field(
        default=None, description="redis://…, needed when several processes share one database."
    )
    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices("VIGIE_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="The base address of a collector to send traces to, as `http://collector:4318`.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How much to log.")
    admin_key: SecretStr | None = Field(default=None, description="The first admin key, instead of a generated one.")
    api_key: SecretStr | None = Field(
        default=None, description="The key that `vigie replay` and `vigie demo` send with."
    )
    encryption_key: SecretStr | None = Field(
        default=None,
        description="For stored secrets, at least 16 characters; default: a key file in the data folder. "
        "While it is replaced: the new one, a comma, the old one.",
    )
    allowed_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Networks (10.0.0.0/8) and hosts that checks and channels may reach though they are not public.",
    )
    environment: str = Field(
        default="production", min_length=1, max_length=100, description="What this installation is called."
    )
    internal_check_seconds: float = Field(
        default=60, ge=1, le=86_400, description="How often Vigie looks at its own components."
    )
    external_check_seconds: float = Field(
        default=300, ge=1, le=86_400, description="How often checks look outside, where they do not say."
    )
    health_days: int = Field(
        default=400, ge=1, le=3660, description="How many days outages and latencies of components are kept."
    )
    disk_reserve_mb: int = Field(
        default=256, ge=0, le=1_000_000, description="What the database's disk keeps free: events are refused below it."
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins of web pages that may connect, separated by commas; Vigie's own always may."
    )
    sockets_per_key: int = Field(
        default=2000, ge=1, description="How many WebSockets and event streams one key may have open to one process."
    )
    cache_mb: int = Field(
        default=64, ge=0, le=100_000, description="Memory for answers that are kept, in each process; 0 keeps none."
    )
    cache_stale_seconds: float = Field(
        default=0,
        ge=0,
        le=60,
        description="How much of what was just committed a kept answer may lack; 0: nothing, answers are exact.",
    )
    operation_cost: int = Field(default=200_000, ge=15_000, description="What one GraphQL operation may cost.")
    operation_seconds: float = Field(default=30.0, ge=1, le=600, description="How long a GraphQL operation may take.")
    rate_key_cost: int = Field(
        default=200_000_000,
        ge=0,
        description="What the GraphQL operations of one key may cost in a minute; 0 limits nothing.",
    )
    rate_address_cost: int = Field(default=500_000_000, ge=0, description="The same for all keys of one address.")
    rate_key_events: int = Field(
        default=60_000_000, ge=0, description="How many events one key may send in a minute; 0 limits nothing."
    )
    rate_bad_keys: int = Field(
        default=30, ge=0, description="How many bad keys of one address are answered in a minute; 0: all."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses and networks of proxies, whose `X-Forwarded-For` tells where clients are.",
    )
    drain_seconds: float = Field(
        default=2.0,
        ge=0,
        le=15,
        description="How long to go on serving after SIGTERM, not ready, so that proxies turn away.",
    )

    alert_every_seconds: int = Field(
        default=15, ge=1, le=300, description="How often alert rules are evaluated, at moments aligned to the clock."
    )
    alert_settle_seconds: float = Field(
        default=10, ge=0, le=300, description="How long events may be on their way before rules look at their time."
    )

    recommendation_days: int = Field(
        default=90, ge=1, le=3660, description="How many days a recommendation stays open after it was last given."
    )
    recommendation_dismissed_days: int = Field(
        default=30, ge=0, le=3660, description="How many days advice that was dismissed is not given anew."
    )
    recommendation_effect_days: int = Field(
        default=7, ge=1, le=28, description="How many days before and after are compared to measure an effect."
    )

    recommendation_thresholds: Annotated[dict[str, str], NoDecode] = Field(
        default={}, description="From when on something is waste: `name=number`, separated by commas."
    )
    recommendation_alternatives: Annotated[dict[str, str], NoDecode] = Field(
        default={}, description="Smaller models: `gpt-4o=gpt-4o-mini`, separated by commas; `=none` takes one out."
    )
    recommendation_calls: int = Field(
        default=1_000_000, ge=10_000, le=10**9, description="How many model calls generation reads at most."
    )
    openai_api_key: SecretStr | None = Field(default=None, description="Lets OpenAI find the words of advice.")
    openai_base_url: str = Field(
        default="https://api.openai.com/v1", description="Where OpenAI is, or what speaks like it."
    )
    openai_model: str = Field(default="gpt-4.1-mini", description="The model that finds the words.")
    openai_timeout_seconds: float = Field(default=10.0, ge=0.1, le=60, description="How long to wait for words.")
    openai_daily_usd: float = Field(
        default=1.0, ge=0, le=100_000, description="What words may cost a day (UTC), all processes together."
    )

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        return database_url(value)

    @field_validator("redis_url")
    @classmethod
    def _redis_url(cls, value: str | None) -> str | None:
        return None if value is None else redis_url(value)

    @field_validator("log_level", mode="before")
    @classmethod
    def _log_level(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _allowed_origins(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        origins = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
        for origin in origins:
            scheme, _, rest = origin.partition("://")
            if scheme not in ("http", "https") or not rest or "/" in rest:
                raise ValueError(f"`{origin}` is not an origin such as https://app.example.com")
        return origins

    @field_validator("encryption_key")
    @classmethod
    def _encryption_keys_are_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and min(map(len, listed(value.get_secret_value())), default=0) < ENCRYPTION_KEY_LENGTH:
            raise ValueError(
                f"each key, between commas, needs at least {ENCRYPTION_KEY_LENGTH} characters: "
                'make one with `python -c "import secrets; print(secrets.token_urlsafe(32))"`'
            )
        return value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _trusted_proxies(cls, value: Any) -> Any:
        entries = listed(value) if isinstance(value, str) else value
        for entry in entries:
            try:
                ip_network(entry)
            except ValueError as error:
                raise ValueError(f"`{entry}` is not an address or a network such as 10.0.0.0/8") from error
        return entries

    @field_validator("allowed_networks", mode="before")
    @classmethod
    def _allowed_networks(cls, value: Any) -> Any:
        entries = listed(value) if isinstance(value, str) else value
        Allowed(entries)
        return entries

    @field_validator("recommendation_thresholds", "recommendation_alternatives", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        for name, _, chosen in pairs:
            if not name.strip() or not chosen.strip():
                raise ValueError(f"`{name.strip()}` has no value: write `name=value`, separated by commas")
        return {name.strip(): chosen.strip() for name, _, chosen in pairs}

    @field_validator("recommendation_thresholds")
    @classmethod
    def _thresholds(cls, value: dict[str, str]) -> dict[str, str]:
        Thresholds.of(value)
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _openai_base_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"`{value}` is not an address such as https://api.openai.com/v1")
        if parts.username or parts.password:
            raise ValueError("it holds a password: the key belongs into VIGIE_OPENAI_API_KEY")
        return value

    @field_validator("admin_key", "api_key", "openai_api_key")
    @classmethod
    def _keys_fit_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all(33 <= ord(character) <= 126 for character in value.get_secret_value()):
            raise ValueError("it travels in a header: only printable ASCII without spaces fits")
        return value

    @field_validator("admin_key")
    @classmethod
    def _admin_key_is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < ADMIN_KEY_LENGTH:
            raise ValueError(
                f"it has {len(value.get_secret_value())} characters and needs at least {ADMIN_KEY_LENGTH}: "
                'make one with `python -c "import secrets; print(secrets.token_urlsafe(32))"`'
            )
        return value

    @property
    def database(self) -> str:
        """The database's URL: the one that was set, else a SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'vigie.db'}"

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """The keys of stored secrets, the one that seals first; empty when none was set."""
        return () if self.encryption_key is None else listed(self.encryption_key.get_secret_value())

    @property
    def watch(self) -> WatchTerms:
        """The terms of the watch over components."""
        return WatchTerms(
            internal_every=dt.timedelta(seconds=self.internal_check_seconds),
            external_every=dt.timedelta(seconds=self.external_check_seconds),
            kept_for=dt.timedelta(days=self.health_days),
        )

    @property
    def pace(self) -> Pace:
        """When alert rules are evaluated."""
        return Pace(dt.timedelta(seconds=self.alert_every_seconds), dt.timedelta(seconds=self.alert_settle_seconds))

    @property
    def terms(self) -> Terms:
        """The terms of the ledger of recommendations."""
        return Terms(
            open_for=dt.timedelta(days=self.recommendation_days),
            silent_for=dt.timedelta(days=self.recommendation_dismissed_days),
            window=dt.timedelta(days=self.recommendation_effect_days),
        )

    @property
    def thresholds(self) -> Thresholds:
        """From when on something is waste."""
        return Thresholds.of(self.recommendation_thresholds)

    @property
    def url(self) -> str:
        """Where a client on this machine finds Vigie."""
        wildcard = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — compared, not bound
        host = wildcard.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that cannot be used, and why."""

    variable: str
    message: str


class SettingsError(Exception):
    """Settings that Vigie cannot start with."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.variable}: {problem.message}" for problem in problems))
        self.problems = problems


def load_settings() -> Settings:
    """The settings of this process. Raises SettingsError that names each variable at fault; secrets stay out of it."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError([_problem(fault) for fault in error.errors(include_url=False)]) from None


def unknown_variables() -> list[str]:
    """The `VIGIE_*` variables of the environment that no setting reads, sorted: often a misspelling."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | {OF_THE_SDK}
    return sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)


def _problem(fault: Any) -> Problem:
    field = str(fault["loc"][0])
    ours = fault["type"] == "value_error"
    message = str(fault["ctx"]["error"]) if ours else f"{fault['msg']}, not {fault['input']!r}"
    return Problem(f"{PREFIX}{field.upper()}", message[0].lower() + message[1:])
