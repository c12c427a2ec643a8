"""Prometheus is restarted under traffic: a gap between two scrapes is all that it costs."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from launcher.measurements import Row

from harness.eventually import Unmet, eventually
from harness.expectations import at_least, later_than
from harness.settling import counted_so_far

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.prometheus import Prometheus
    from harness.faults import Faults
    from harness.measurements import Measurements
    from harness.stack import Stack
    from harness.traffic import Traffic

pytestmark = pytest.mark.slow

RATE = 10.0
JOB = "stratum-api"
COUNTED = (
    f'sum(api_requests_total{{job="{JOB}",status_code="200",'
    'endpoint="/api/v1/automations/{automation_id}/executions/{execution_id}"}) or vector(0)'
)


@dataclass(frozen=True)
class Restart:
    """The count before, a moment and what was known of it, what was sent, and for how long nobody scraped."""

    before: float
    at: float
    known: float
    traffic: Traffic
    away: float


@pytest.fixture(scope="module")
def restart(reading: Callable[[float], Traffic], prometheus: Prometheus, faults: Faults) -> Restart:
    """Read an execution before, during and after."""
    traffic = reading(RATE)
    before, at = counted_so_far(prometheus, COUNTED, job=JOB), time.time()
    # whatever was under way at that moment has come then
    eventually(prometheus.scraped_at(JOB), later_than(at), within=45)
    known = prometheus.value(COUNTED, at=at).now()
    with traffic.flowing():
        traffic.goes_on_for(1)
        (fault,) = faults.restart("prometheus")
        eventually(prometheus.scraped_at(JOB), at_least(fault.healed_at), within=45)
        away = time.time() - fault.at
        traffic.goes_on_for(1)
    return Restart(before, at, known, traffic, away)


def test_what_was_counted_before_is_still_there(restart: Restart, prometheus: Prometheus) -> None:
    """The same question about the same moment has the same answer."""
    assert prometheus.value(COUNTED, at=restart.at).now() == restart.known


def test_the_counter_has_risen_by_what_was_sent(
    restart: Restart, prometheus: Prometheus, losses: Measurements
) -> None:
    """Requests that nobody scraped meanwhile are in the next scrape."""
    answered, sent = len(restart.traffic.answered(200)), len(restart.traffic.sent)
    assert answered >= RATE
    with suppress(Unmet):  # the row says what it is instead
        eventually(prometheus.value(COUNTED), at_least(restart.before + answered), within=45)
    risen = counted_so_far(prometheus, COUNTED, job=JOB) - restart.before
    assert risen <= sent, f"{risen:g} of {sent} requests were counted"
    lost = max(0, answered - risen)
    row = Row(what="requests not counted, Prometheus restarted", measured=lost, limit=0, unit="requests")
    assert losses.add(row) == "holds"


def test_the_gap_is_no_longer_than_the_restart(
    restart: Restart, prometheus: Prometheus, stack: Stack, losses: Measurements
) -> None:
    """Between the last scrape before and the first one after: its absence and one interval on each side."""
    times = [restart.at, *prometheus.scrapes(JOB, since=restart.at).now(), time.time()]
    gap = max(later - earlier for earlier, later in itertools.pairwise(times))
    limit = restart.away + 2 * stack.scrape_interval
    row = Row(what="scrape gap, Prometheus restarted", measured=gap, limit=limit, unit="s")
    assert losses.add(row) == "holds"
