"""Loki and Jaeger are away for half a minute: the Collector keeps what is theirs, and nothing is lost or doubled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from harness import loss
from harness.loss import LossRow, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.database import Database
    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Loki
    from harness.faults import Faults
    from harness.measurements import Measurements
    from harness.traffic import Traffic

pytestmark = pytest.mark.slow

SECONDS = 30.0
RATE = 10.0
FAULT = f"Loki and Jaeger stopped {SECONDS:g} s"
SPANS = ("POST /api/v1/automations/{automation_id}/execute", "INSERT executions", "process_automation")


@pytest.fixture(scope="module")
def outage(
    executing: Callable[[float], Traffic], faults: Faults, database: Database
) -> tuple[Traffic, float]:
    """Run automations before, during and after."""
    traffic, began = executing(RATE), time.time()
    with traffic.flowing():
        traffic.goes_on_for(1)
        with faults.stopped("loki", "jaeger"):
            traffic.goes_on_for(SECONDS)
        traffic.goes_on_for(1)
    # what a busy API left to the scheduler is run later
    settled(loss.rows(database, traffic.prefix, decided=True), traffic.ids(202), patience=30)
    return traffic, began


@pytest.mark.parametrize(
    ("service", "event"), [("stratum-api", "api_request"), ("stratum-worker", "automation_executed")]
)
def test_every_line_is_in_loki_once(
    service: str, event: str, outage: tuple[Traffic, float], loki: Loki, losses: Measurements
) -> None:
    """By the ids of the traces, of both services."""
    traffic, began = outage
    lines = loss.lines(loki, traffic.prefix, service=service, event=event, since=began - 1)
    comparison = settled(loss.but(lines, traffic.without_claim(202)), traffic.ids(202))
    row = LossRow.of(f"{event} lines lost, {FAULT}", comparison, unit="lines")
    assert losses.add(row) == "holds", str(comparison)


def test_every_trace_is_in_jaeger_once(
    outage: tuple[Traffic, float], jaeger: Jaeger, losses: Measurements
) -> None:
    """Spans of the API and of the worker, by trace and name."""
    traffic, _ = outage
    ids = traffic.ids(202)
    wanted = [loss.span_id(trace_id, name) for trace_id in ids for name in SPANS]
    comparison = settled(loss.spans(jaeger, ids, SPANS, again=loss.DELIVERIES), wanted)
    row = LossRow.of(f"spans lost, {FAULT}", comparison, unit="spans")
    assert losses.add(row) == "holds", str(comparison)
