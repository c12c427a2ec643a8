"""What a healthy stack must not do: say something to somebody, or be about to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness import rendering
from harness.eventually import Probe, eventually
from harness.expectations import at_least
from harness.plugin import ROOT

if TYPE_CHECKING:
    from harness.stack import Stack

GRACE = 0.5
RULES = {rule["alert"]: rule for rule in rendering.committed_alerts(ROOT)}


def disturbances(stack: Stack, *, since: float, grace: float = GRACE) -> list[str]:
    """Name what anybody was told, what fired, what was on its way for long, and what could not be evaluated.

    Args:
        stack: Who should have been quiet.
        since: Seconds since 1970.
        grace: The share of its `for` that an alert may have been on its way.
    """
    prometheus, seconds = stack.stores.prometheus, time.time() - since
    window = f"{round(seconds * 1000)}ms"
    found = [
        f"told: {one!r}"
        for one in stack.stores.inbox.notifications(since=since).now()
        if one.alertname != "Watchdog"
    ]
    fired = prometheus.samples(
        f'count by (alertname) (last_over_time(ALERTS{{alertname!="Watchdog",alertstate="firing"}}[{window}]))'
    ).now()
    found += [f"fired: {name}" for name in fired.by("alertname")]
    pending = prometheus.samples(
        f'max by (alertname) (count_over_time(ALERTS{{alertstate="pending"}}[{window}]))'
    ).now()
    for name, evaluations in pending.by("alertname").items():
        waited = evaluations * stack.scrape_interval  # evaluated as often as scraped
        wait = rendering.seconds_of(RULES[name]) / stack.factor
        if waited > grace * wait:
            found.append(f"on its way for {waited:.1f} s of {wait:.1f} s: {name}")
    failed = prometheus.samples(f"increase(prometheus_rule_evaluation_failures_total[{window}]) > 0").now()
    found += [f"not evaluated: {sample!r}" for sample in failed.samples]
    return found


def disturbances_within(stack: Stack, seconds: float, *, since: float, grace: float = GRACE) -> list[str]:
    """Give everybody so many seconds more to say a word, and name the words."""
    began = time.time()
    lasting = Probe("seconds of watching", stack.stores.inbox.address, lambda: time.time() - began)
    eventually(lasting, at_least(seconds), within=seconds + 5, every=1.0)
    return disturbances(stack, since=since, grace=grace)
