"""The Collector is killed under traffic: no line is lost or doubled; of spans, at most what their sender's queue implies."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from launcher.measurements import Row

from harness import loss
from harness.eventually import eventually
from harness.expectations import all_up
from harness.loss import LossRow, settled, spans_at_risk
from sample_app.telemetry import tracing

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.faults import Faults
    from harness.measurements import Measurements
    from harness.traffic import Traffic

pytestmark = pytest.mark.slow

SECONDS = 15.0
RATE = 100.0
ASKED_FOR = 1.15 * RATE  # a slow answer delays the next request, and nobody hurries afterwards
RECONNECTS = 2.0  # seconds after which the spans' sender tries again at the latest
DRIVER_RECONNECTS = 20.0  # Docker's logging driver tries again after 7 s, after 11 s the next time
FAULT = f"Collector killed {SECONDS:g} s"
SPANS = ("GET /api/v1/automations/{automation_id}/executions/{execution_id}", "SELECT executions")


@dataclass(frozen=True)
class Outage:
    """What was asked of the API while the Collector was dead, and how long its senders had nobody to send to."""

    traffic: Traffic
    began: float
    asked: int
    seconds: float


@pytest.fixture(scope="module")
def outage(reading: Callable[[float], Traffic], faults: Faults, prometheus: Prometheus) -> Outage:
    """Read one execution over and over, at a rate at which many lines are under way when the Collector dies."""
    traffic, began = reading(ASKED_FOR), time.time()
    with traffic.flowing():
        traffic.goes_on_for(2)
        before = len(traffic.sent)
        with faults.killed("otel-collector") as (fault,):
            traffic.goes_on_for(SECONDS)
        eventually(prometheus.targets(), all_up, within=30)  # it answers again
        asked, seconds = len(traffic.sent) - before, time.time() - fault.at + RECONNECTS
        traffic.goes_on_for(2)
    return Outage(traffic, began, asked, seconds)


def test_the_traffic_is_dense_enough_to_lose_something(outage: Outage, losses: Measurements) -> None:
    """What the machine managed of the rate is in the table: the other figures mean what it lets them."""
    rate = outage.asked / (outage.seconds - RECONNECTS)
    losses.add(Row(what=f"rate reached, {FAULT}", measured=rate, limit=RATE, unit="1/s", better="higher"))
    assert outage.asked >= 100


def test_every_line_is_in_loki_once(outage: Outage, loki: Loki, losses: Measurements) -> None:
    """Docker's driver holds what was not acknowledged, and the Collector acknowledges what is on its disk."""
    lines = loss.lines(
        loki, outage.traffic.prefix, service="stratum-api", event="api_request", since=outage.began - 1
    )
    traffic = outage.traffic
    found = loss.but(lines, traffic.without_claim(200))
    comparison = settled(found, traffic.ids(200), patience=DRIVER_RECONNECTS)
    row = LossRow.of(f"log lines lost, {FAULT}", comparison, unit="lines")
    assert losses.add(row) == "holds", str(comparison)


def test_no_more_spans_are_lost_than_the_queue_implies(
    outage: Outage, jaeger: Jaeger, losses: Measurements
) -> None:
    """A span is lost when its batch is given up, or when the queue is full; both are settings."""
    ids = outage.traffic.ids(200)
    wanted = [loss.span_id(trace_id, name) for trace_id in ids for name in SPANS]
    comparison = settled(loss.spans(jaeger, ids, SPANS), wanted, every=2)
    limit = spans_at_risk(
        len(SPANS) * outage.asked,
        outage.seconds,
        queue=tracing.QUEUE_SIZE,
        batch=tracing.BATCH_SIZE,
        patience=tracing.PATIENCE_SECONDS,
    )
    row = LossRow.of(f"spans lost, {FAULT}", comparison, unit="spans", limit=limit)
    assert losses.add(row) == "holds", str(comparison)
