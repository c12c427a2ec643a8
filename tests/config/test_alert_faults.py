"""Every rule has one row in the end-to-end table: a real fault that the schedule inflicts, and limits that follow from the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alert_rules import ALERTING, name_of

from alerting.alert_faults import FAULTS, NOT_YET, time_to_detect, time_to_resolve
from alerting.injections import INJECTIONS
from alerting.limits import FIRES, RESOLVES, limit
from alerting.proving import receivers_of
from alerting.schedule import ACTS, ANEW, SCHEDULE
from harness.rendering import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerting.schedule import Act

STEPS = [step for act in ACTS for step in act.steps]
INFLICTED = [ANEW, *(step.injection for step in STEPS)]


def test_every_rule_has_a_row_and_every_row_a_rule() -> None:
    assert sorted(FAULTS) == sorted(map(name_of, ALERTING))


def test_every_row_is_inflicted_once() -> None:
    assert sorted(INFLICTED) == sorted(INJECTIONS)
    assert {row.injection for row in FAULTS.values()} == set(INFLICTED)


def test_what_is_not_proved_yet_says_why() -> None:
    assert set(NOT_YET) <= set(FAULTS)
    assert all(NOT_YET.values())


def test_a_step_waits_for_steps_of_its_own_act() -> None:
    """And for none that waits for it."""
    for act in SCHEDULE:
        before: set[str] = set()
        for step in act.steps:
            assert set(step.after) <= before, f"{step.injection} comes before one that it waits for"
            before.add(step.injection)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_a_consequence_is_an_alert_that_another_act_proves_and_says_why(act: Act) -> None:
    injections = {step.injection for step in act.steps}
    proved = {str(rule["alert"]) for rule in ALERTING if FAULTS[name_of(rule)].injection in injections}

    assert set(act.consequences) <= {str(rule["alert"]) for rule in ALERTING} - proved
    assert all(act.consequences.values())


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_row_says_what_breaks_and_why_it_takes_so_long(name: str) -> None:
    row = FAULTS[name]

    assert row.fault
    assert all(term.seconds > 0 and term.why for term in (*row.becomes_true, *row.becomes_false))


@pytest.mark.parametrize("rule", ALERTING, ids=name_of)
def test_a_limit_is_longer_than_the_wait_of_its_rule_and_shrinks_with_time(rule: Mapping[str, Any]) -> None:
    assert time_to_detect(rule, factor=1) > seconds_of(rule)
    assert time_to_resolve(rule, factor=1) > seconds_of(rule, "keep_firing_for")
    assert time_to_detect(rule, factor=60) < time_to_detect(rule, factor=1)
    assert time_to_resolve(rule, factor=60) < time_to_resolve(rule, factor=1)


@pytest.mark.parametrize("rule", ALERTING, ids=name_of)
def test_somebody_is_to_be_told(rule: Mapping[str, Any]) -> None:
    assert receivers_of(rule)


def test_the_limits_of_the_model_test_are_no_stricter_than_the_tables() -> None:
    [rule] = [rule for rule in ALERTING if rule["alert"] == "APIDown"]

    assert limit(*FIRES["APIDown"], factor=60) <= time_to_detect(rule, factor=60)
    assert limit(*RESOLVES["APIDown"], factor=60) <= time_to_resolve(rule, factor=60)
