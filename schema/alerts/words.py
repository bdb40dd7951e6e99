"""The words of alerts: what rules watch and ask, and how rules and alerts are."""

from enum import Enum

import strawberry


@strawberry.enum(description="A figure that a rule can watch, over its window.")
class Metric(Enum):
    USAGE_COST_USD = strawberry.enum_value("usage_cost_usd", description="What model calls cost, in dollars.")
    USAGE_REQUESTS = strawberry.enum_value("usage_requests", description="How many model calls there were.")
    USAGE_TOKENS = strawberry.enum_value("usage_tokens", description="Tokens, input and output.")
    USAGE_ERROR_RATE = strawberry.enum_value("usage_error_rate", description="The share of model calls that failed.")
    USAGE_MEAN_MS = strawberry.enum_value("usage_mean_ms", description="The mean duration of model calls.")
    USAGE_P95_MS = strawberry.enum_value("usage_p95_ms", description="Their 95th percentile.")
    API_REQUESTS = strawberry.enum_value("api_requests", description="How many API calls there were.")
    API_ERROR_RATE = strawberry.enum_value("api_error_rate", description="The share with a status of 500 and above.")
    API_MEAN_MS = strawberry.enum_value("api_mean_ms", description="The mean duration of API calls.")
    API_P95_MS = strawberry.enum_value("api_p95_ms", description="Their 95th percentile.")
    API_CACHE_HIT_RATE = strawberry.enum_value("api_cache_hit_rate", description="hit / (hit + miss) of API calls.")
    COMPONENTS_DOWN = strawberry.enum_value(
        "components_down", description="How many components are down: opens an alert for each of them."
    )
    BUGS_OPEN = strawberry.enum_value("bugs_open", description="How many bugs are open at the window's end.")
    SOCKETS = strawberry.enum_value(
        "sockets", description="The most WebSockets and event streams that were open at once in the window."
    )
    AUTH_FAILURES = strawberry.enum_value(
        "auth_failures", description="Keys that were refused: the project's revoked and expired ones, and unknown ones."
    )
    INTRUSION_ATTEMPTS = strawberry.enum_value(
        "intrusion_attempts",
        description="What clients tried that they may not: refused keys, forbidden fields, unknown paths, the schema.",
    )
    INGEST_LAG_SECONDS = strawberry.enum_value(
        "ingest_lag_seconds", description="The longest that facts waited for the roll-ups in the window."
    )
    DATABASE_CONNECTIONS_SHARE = strawberry.enum_value(
        "database_connections_share",
        description="The largest share of PostgreSQL's connections that was taken, 1 for all; no data on SQLite.",
    )
    DATABASE_CACHE_HIT_RATE = strawberry.enum_value(
        "database_cache_hit_rate",
        description="The lowest share, minute by minute, of PostgreSQL's blocks found in memory; no data on SQLite.",
    )
    DATABASE_DEADLOCKS = strawberry.enum_value("database_deadlocks", description="Deadlocks in the database.")
    DATABASE_LONG_QUERIES = strawberry.enum_value(
        "database_long_queries", description="The most queries that had run for over five minutes at once."
    )
    DATABASE_BYTES = strawberry.enum_value(
        "database_bytes", description="What the database takes on disk, all projects together, at most in the window."
    )
    BUDGET_SPENT_SHARE = strawberry.enum_value(
        "budget_spent_share", description="What is spent of the rule's budget in the budget's own window, 1 for all."
    )
    BUDGET_PROJECTED_SHARE = strawberry.enum_value(
        "budget_projected_share", description="What will be spent of it at that window's end, at its rate so far."
    )


@strawberry.enum(description="How a figure is compared with a threshold.")
class Comparison(Enum):
    GREATER = strawberry.enum_value("greater", description="Above it.")
    GREATER_OR_EQUAL = strawberry.enum_value("greater_or_equal", description="At or above it.")
    LESS = strawberry.enum_value("less", description="Below it.")
    LESS_OR_EQUAL = strawberry.enum_value("less_or_equal", description="At or below it.")


@strawberry.enum(description="What of a figure is compared.")
class RuleBasis(Enum):
    VALUE = strawberry.enum_value("value", description="The figure itself.")
    CHANGE = strawberry.enum_value(
        "change",
        description="Its relative change against the window before: 0.5 is half as much again. No data without a "
        "figure, or with 0, before.",
    )


@strawberry.enum(description="What a figure without data counts as, such as an error rate without requests.")
class NoData(Enum):
    OK = strawberry.enum_value("ok", description="All is well: alerts end.")
    ALERT = strawberry.enum_value("alert", description="The condition holds.")
    KEEP = strawberry.enum_value("keep", description="As before: what holds goes on.")
    NO_DATA = strawberry.enum_value("no_data", description="The rule shows NO_DATA; alerts end.")


@strawberry.enum(description="How a rule is.")
class AlertRuleState(Enum):
    OK = strawberry.enum_value("ok", description="The condition does not hold.")
    PENDING = strawberry.enum_value("pending", description="The condition holds, but not for long enough yet.")
    FIRING = strawberry.enum_value("firing", description="The condition holds, and an alert is open.")
    NO_DATA = strawberry.enum_value("no_data", description="There is no data to judge by.")
    BROKEN = strawberry.enum_value("broken", description="It cannot be evaluated: see `stateReason`.")
    DISABLED = strawberry.enum_value("disabled", description="It is not evaluated.")


@strawberry.enum(description="Where an alert stands.")
class AlertState(Enum):
    PENDING = strawberry.enum_value(
        "pending", description="The condition holds, but not for long enough yet, or its parent is down."
    )
    FIRING = strawberry.enum_value("firing", description="It fires.")
    ACKNOWLEDGED = strawberry.enum_value("acknowledged", description="It fires, and somebody is on it.")
    RESOLVED = strawberry.enum_value("resolved", description="It is over.")


@strawberry.enum(description="What keeps an alert quiet.")
class SuppressionKind(Enum):
    SILENCE = strawberry.enum_value("silence", description="Somebody silenced it.")
    MAINTENANCE = strawberry.enum_value("maintenance", description="There is planned maintenance.")
    DEPENDENCY = strawberry.enum_value("dependency", description="The component that it depends on is down.")
    THROTTLE = strawberry.enum_value("throttle", description="Its rule told of an alert a short while ago.")


@strawberry.enum(description="What has become of an alert, or of a silence.")
class AlertEventKind(Enum):
    PENDING = strawberry.enum_value("alert.pending", description="Its condition holds, but not for long enough yet.")
    FIRING = strawberry.enum_value("alert.firing", description="It fires.")
    RAISED = strawberry.enum_value("alert.raised", description="It fires with a higher severity than before.")
    ACKNOWLEDGED = strawberry.enum_value("alert.acknowledged", description="Somebody is on it.")
    RESOLVED = strawberry.enum_value("alert.resolved", description="It is over.")
    LAPSED = strawberry.enum_value("alert.lapsed", description="It was over before it fired.")
    SILENCE_EXPIRED = strawberry.enum_value("alert.silence_expired", description="A silence is over.")
