"""The state machine of a rule, whatever the figures do."""

import datetime as dt
import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from resolvers.alerts.evaluating import (
    CALM,
    FIRING,
    IDLE,
    NOTHING,
    PENDING,
    Condition,
    Event,
    Memory,
    Step,
    evaluate,
    resolve_by_hand,
)

START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
STEP = dt.timedelta(seconds=15)
MINUTE = dt.timedelta(minutes=1)

values = st.lists(st.one_of(st.none(), st.sampled_from([0.0, 4.0, 6.0, 10.0, 11.0])), max_size=120)
conditions = st.builds(
    Condition,
    comparison=st.sampled_from(["greater", "greater_or_equal"]),
    threshold=st.just(10.0),
    severity=st.sampled_from(["low", "medium", "high", "critical"]),
    warn_threshold=st.sampled_from([None, 5.0]),
    hold=st.sampled_from([dt.timedelta(0), STEP, MINUTE]),
    no_data=st.sampled_from(["ok", "alert", "keep", "no_data"]),
)
SIMPLE = Condition("greater", 10.0, "high")


def run(condition: Condition, figures: Sequence[float | None], memory: Memory = NOTHING) -> list[Step]:
    steps = []
    for number, value in enumerate(figures):
        step = evaluate(condition, memory, time=START + number * STEP, value=value)
        memory = step.memory
        steps.append(step)
    return steps


def events(steps: Sequence[Step]) -> list[Event]:
    return [event for step in steps for event in step.events]


@given(conditions, values)
def test_an_alert_opens_before_it_fires_and_fires_before_it_resolves(
    condition: Condition, figures: list[float | None]
) -> None:
    phase = IDLE
    for step in run(condition, figures):
        for event in step.events:
            before, phase = (
                {
                    Event.OPENED: (IDLE, PENDING),
                    Event.FIRED: (PENDING, FIRING),
                    Event.RAISED: (FIRING, FIRING),
                    Event.RESOLVED: (FIRING, IDLE),
                    Event.LAPSED: (PENDING, IDLE),
                }[event],
                {
                    Event.OPENED: PENDING,
                    Event.FIRED: FIRING,
                    Event.RAISED: FIRING,
                    Event.RESOLVED: IDLE,
                    Event.LAPSED: IDLE,
                }[event],
            )
            assert before[1] == phase
        assert step.memory.phase == phase


@given(conditions, values)
def test_it_fires_exactly_when_the_condition_has_held_for_long_enough(
    condition: Condition, figures: list[float | None]
) -> None:
    for step, number in zip(run(condition, figures), itertools.count()):
        memory = step.memory
        if memory.phase == PENDING:
            assert memory.since is not None
            held = START + number * STEP - memory.since
            full = memory.alert_since is None or START + number * STEP - memory.alert_since < condition.hold
            assert held < condition.hold or condition.warn_threshold is None
            assert full
        if Event.FIRED in step.events:
            assert memory.since is not None
            assert START + number * STEP - memory.since >= condition.hold


@given(conditions, values)
def test_memory_survives_its_storage(condition: Condition, figures: list[float | None]) -> None:
    for step in run(condition, figures):
        assert Memory.from_json(step.memory.to_json()) == step.memory


@given(conditions, values, st.integers(0, 119))
def test_a_restart_changes_nothing(condition: Condition, figures: list[float | None], cut: int) -> None:
    whole = run(condition, figures)
    memory = whole[cut - 1].memory if 0 < cut <= len(whole) else NOTHING
    rest = []
    if 0 < cut <= len(whole):
        memory = Memory.from_json(memory.to_json())
        for number, value in enumerate(figures[cut:], cut):
            step = evaluate(condition, memory, time=START + number * STEP, value=value)
            memory = step.memory
            rest.append(step)
        assert rest == whole[cut:]


@given(values)
def test_keeping_is_as_if_the_last_figure_had_stayed(figures: list[float | None]) -> None:
    keeping = Condition("greater", 10.0, "high", 5.0, STEP, "keep")
    filled: list[float] = []
    for value in figures:
        filled.append(value if value is not None else filled[-1] if filled else 0.0)

    assert [step.events for step in run(keeping, figures)] == [step.events for step in run(keeping, filled)]


@given(values)
def test_no_data_ends_what_is_open_unless_it_is_kept_or_alerts(figures: list[float | None]) -> None:
    for mode in ("ok", "no_data"):
        for step in run(Condition("greater", 10.0, "high", no_data=mode), figures):
            if step.outcome == "no_data" and len(step.memory.firings) < 3:
                assert step.memory.phase == IDLE


def test_a_warning_fires_one_severity_lower_and_is_raised() -> None:
    condition = Condition("greater", 10.0, "critical", 5.0, MINUTE)
    steps = run(condition, [6.0] * 6 + [11.0] * 6)

    assert events(steps) == [Event.OPENED, Event.FIRED, Event.RAISED]
    assert [condition.severity_at(step.memory.fired_level) for step in steps if step.events][1:] == ["high", "critical"]
    assert steps[4].events == (Event.FIRED,)
    assert steps[10].events == (Event.RAISED,)


def test_a_warning_of_a_low_rule_is_low() -> None:
    assert Condition("greater", 10.0, "low", 5.0).severity_at(1) == "low"


def test_flapping_is_damped() -> None:
    steps = run(SIMPLE, [11.0, 0.0] * 40 + [0.0] * 30)

    assert events(steps).count(Event.FIRED) == 3
    assert events(steps).count(Event.RESOLVED) == 3
    (last,) = [number for number, step in enumerate(steps) if step.memory.phase == FIRING][-1:]
    assert (last + 1 - 79) * STEP == CALM


def test_what_was_resolved_by_hand_opens_nothing_before_the_condition_ended() -> None:
    held = resolve_by_hand(run(SIMPLE, [11.0])[-1].memory)
    steps = run(SIMPLE, [11.0, 12.0, 0.0, 11.0], held)

    assert [step.events for step in steps] == [(), (), (), (Event.OPENED, Event.FIRED)]


def test_what_is_blocked_waits_and_then_fires_at_once() -> None:
    memory = NOTHING
    seen = []
    for number, blocked in enumerate([True, True, False]):
        step = evaluate(SIMPLE, memory, time=START + number * STEP, value=11.0, blocked=blocked)
        memory = step.memory
        seen.append(step.events)

    assert seen == [(Event.OPENED,), (), (Event.FIRED,)]
    assert memory.since == START


def test_what_is_blocked_still_ends() -> None:
    opened = evaluate(SIMPLE, NOTHING, time=START, value=11.0, blocked=True)
    ended = evaluate(SIMPLE, opened.memory, time=START + STEP, value=1.0, blocked=True)

    assert ended.events == (Event.LAPSED,)
