"""Every alert has a row in the end-to-end table: a real fault, and a limit that follows from the rule itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alert_rules import ALERTING, ALERTS, name_of

from alerting.alert_faults import FAULTS, time_to_detect
from alerting.limits import FIRES, limit
from harness.durations import milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_every_alert_has_a_fault_and_every_fault_an_alert() -> None:
    assert set(FAULTS) == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_a_row_says_what_breaks_and_why_it_takes_so_long(alert: str) -> None:
    row = FAULTS[alert]

    assert row.fault
    assert all(term.seconds > 0 and term.why for term in row.becomes_true)


@pytest.mark.parametrize("rule", ALERTING, ids=name_of)
def test_a_limit_is_longer_than_the_wait_of_its_rule_and_shrinks_with_time(rule: Mapping[str, Any]) -> None:
    wait = milliseconds(str(rule.get("for", "0"))) / 1000

    assert time_to_detect(rule, factor=1) > wait
    assert time_to_detect(rule, factor=60) < time_to_detect(rule, factor=1)


def test_the_limit_of_the_model_test_is_no_stricter_than_the_tables() -> None:
    [rule] = [rule for rule in ALERTING if rule["alert"] == "APIDown"]

    assert limit(*FIRES["APIDown"], factor=60) <= time_to_detect(rule, factor=60)
