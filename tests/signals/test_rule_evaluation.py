"""Evaluating the rules costs little: every group takes less than a tenth of its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.eventually import eventually
from harness.expectations import is_not_empty

if TYPE_CHECKING:
    from harness.clients.prometheus import Prometheus
    from harness.stack import Stack

SHARE = 0.1


@pytest.mark.smoke
def test_every_group_is_evaluated_within_a_tenth_of_its_interval(
    prometheus: Prometheus, stack: Stack
) -> None:
    """In compressed time the interval is divided and the work is not, so the uncompressed interval is the measure."""
    lasted = "prometheus_rule_group_last_duration_seconds"
    eventually(prometheus.samples(lasted), is_not_empty, within=60)

    share = f"{lasted} / ({stack.factor} * prometheus_rule_group_interval_seconds)"
    shares = prometheus.samples(share).now().by("rule_group")

    assert shares
    assert {group: taken for group, taken in shares.items() if taken >= SHARE} == {}


@pytest.mark.smoke
def test_no_rule_fails(prometheus: Prometheus) -> None:
    """Every rule of the running Prometheus is well: none failed at its last evaluation."""
    unwell = [
        (rule["name"], rule["lastError"])
        for group in prometheus.rules().now()
        for rule in group["rules"]
        if rule["health"] == "err"
    ]

    assert unwell == []
