"""Alert rules, what they remember between evaluations, the alerts they opened, and what keeps those quiet."""

import datetime as dt
from typing import Any, Final

from sqlalchemy import Boolean, Double, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json, Ranked
from models.bugs import SEVERITIES

OPEN_STATES: Final = ("pending", "firing", "acknowledged")


class AlertRule(Base):
    """`channel_ids` are numbers of channels, null for every enabled one. `origin` names the seeded rule it came as.

    Deleted rules stay, for the alerts that they opened. `notified_at` is when it last told that something fires.
    """

    __tablename__ = "alert_rules"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str]
    metric: Mapped[str]
    basis: Mapped[str]
    filter: Mapped[dict[str, Any]]
    comparison: Mapped[str]
    threshold: Mapped[float] = mapped_column(Double)
    warn_threshold: Mapped[float | None] = mapped_column(Double)
    window_seconds: Mapped[int] = mapped_column(Integer)
    for_seconds: Mapped[int] = mapped_column(Integer)
    no_data: Mapped[str]
    severity: Mapped[str] = mapped_column(Ranked(*SEVERITIES))
    channel_ids: Mapped[list[int] | None] = mapped_column(Json)
    renotify_seconds: Mapped[int | None] = mapped_column(Integer)
    throttle_seconds: Mapped[int | None] = mapped_column(Integer)
    runbook_url: Mapped[str | None]
    budget_id: Mapped[int | None] = mapped_column(Integer)
    enabled: Mapped[bool] = mapped_column(Boolean)
    files_bugs: Mapped[bool] = mapped_column(Boolean)
    origin: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    deleted_at: Mapped[dt.datetime | None]
    notified_at: Mapped[dt.datetime | None]


class AlertClock(Base):
    """How far a project's rules are evaluated. Whoever changes alerts of the project locks this row first.

    `rules_version` counts changes of the rules; `figures` are the last values by rule, null where there is no data;
    `claimed_until` keeps other processes away from an evaluation that runs.
    """

    __tablename__ = "alert_clocks"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    evaluated_until: Mapped[dt.datetime]
    claimed_until: Mapped[dt.datetime | None]
    rules_version: Mapped[int] = mapped_column(Integer)
    figures: Mapped[dict[str, Any]]


class RuleState(Base):
    """What a rule remembers of one instance between evaluations; without a row all is well and nothing remembered.

    `instance` is a component's name for rules that watch components, else empty. `memory` is the state machine's.
    """

    __tablename__ = "rule_states"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    rule_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    instance: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    reason: Mapped[str]
    memory: Mapped[dict[str, Any]]
    alert_id: Mapped[int | None] = mapped_column(Integer)


class Alert(Base):
    """`kind`: figure, or broken when the rule itself could not be evaluated. `value` is the figure when it fired.

    `fired_at` is null when the condition ended before `for` was over. `bug_number` is the bug that it filed.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index(None, "project_id", "started_at", "id"),
        Index(None, "project_id", "state"),
        Index(None, "project_id", "rule_id", "started_at"),
        Index(None, "project_id", "bug_number"),
    )

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    rule_id: Mapped[int] = mapped_column(Integer)
    instance: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    severity: Mapped[str] = mapped_column(Ranked(*SEVERITIES))
    value: Mapped[float | None] = mapped_column(Double)
    threshold: Mapped[float] = mapped_column(Double)
    peak_value: Mapped[float | None] = mapped_column(Double)
    started_at: Mapped[dt.datetime]
    fired_at: Mapped[dt.datetime | None]
    acknowledged_at: Mapped[dt.datetime | None]
    acknowledged_by: Mapped[str | None]
    resolved_at: Mapped[dt.datetime | None]
    notified_at: Mapped[dt.datetime | None]
    notified_severity: Mapped[str | None] = mapped_column(Ranked(*SEVERITIES))
    bug_number: Mapped[int | None] = mapped_column(Integer)


class AlertEvaluation(Base):
    """An evaluation that is kept: its outcome (ok, breached, no_data, broken) was new, or an alert was open."""

    __tablename__ = "alert_evaluations"
    __table_args__ = (Index(None, "project_id", "alert_id", "time"), Index(None, "project_id", "time"))

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    rule_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    instance: Mapped[str] = mapped_column(primary_key=True)
    time: Mapped[dt.datetime] = mapped_column(primary_key=True)
    alert_id: Mapped[int | None] = mapped_column(Integer)
    outcome: Mapped[str]
    value: Mapped[float | None] = mapped_column(Double)
    threshold: Mapped[float] = mapped_column(Double)


class AlertTransition(Base):
    """One step of an alert's life; `actor` is the name of the key that did it, null for the evaluation."""

    __tablename__ = "alert_transitions"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    alert_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[dt.datetime]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    reason: Mapped[str]
    actor: Mapped[str | None]


class AlertSuppression(Base):
    """Why a notification of an alert was held back: by a silence, a maintenance window, its parent, the throttle."""

    __tablename__ = "alert_suppressions"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    alert_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    since: Mapped[dt.datetime]
    until: Mapped[dt.datetime | None]


class Silence(Base):
    """`kind`: silence or maintenance. `repeat_seconds` starts a maintenance window anew, for as long each time.

    `told_at` is when its author was told that it is over.
    """

    __tablename__ = "silences"
    __table_args__ = (Index(None, "project_id", "ends_at"), Index(None, "told_at", "ends_at"))

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str]
    matcher: Mapped[str]
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]
    repeat_seconds: Mapped[int | None] = mapped_column(Integer)
    author: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[dt.datetime]
    told_at: Mapped[dt.datetime | None]


class Sample(Base):
    """A figure of the running processes, by the moment it was taken; what is missing was 0.

    Project 0 stands for what belongs to none, such as keys that nobody knows: it counts in every project.
    """

    __tablename__ = "samples"
    __table_args__ = (Index(None, "project_id", "time"),)

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    metric: Mapped[str] = mapped_column(primary_key=True)
    time: Mapped[dt.datetime] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float] = mapped_column(Double)
