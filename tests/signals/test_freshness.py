"""How soon a request can be read back; the figures go to build/freshness.json."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from launcher.measurements import Row

from harness.eventually import eventually
from harness.expectations import has_spans, is_not_empty, names_trace
from harness.measurements import Measurements, percentile
from harness.plugin import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.api import Api, Execution
    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.stack import Stack

EXECUTE = "/api/v1/automations/{automation_id}/execute"
REQUESTS = 40  # two of them may meet a machine that stands still


@pytest.fixture(scope="module")
def measurements() -> Measurements:
    """The rows of this file's measurements."""
    return Measurements(ROOT / "build" / "freshness.json")


def p95_until(readable: Callable[[Execution], object], *, api: Api, requests: int = REQUESTS) -> float:
    """Send requests one by one, wait until each is readable, and return the 95th percentile of the seconds."""
    seconds = []
    for _ in range(requests):
        run = api.execute(3001)
        readable(run)
        seconds.append(time.time() - run.sent_at)
    return percentile(seconds, 0.95)


def test_a_log_line_is_readable_within_a_second(retailx: Api, loki: Loki, measurements: Measurements) -> None:
    """From the request to its line in Loki, 95 of 100."""

    def readable(run: Execution) -> object:
        return eventually(
            loki.of_trace(run.trace_id, service="stratum-api"), is_not_empty, within=10, every=0.02
        )

    row = Row(
        what="request to readable: log, p95", measured=p95_until(readable, api=retailx), limit=1.0, unit="s"
    )
    assert measurements.add(row) == "holds", row


def test_a_trace_is_readable_within_a_second(
    retailx: Api, jaeger: Jaeger, measurements: Measurements
) -> None:
    """From the request to its span in Jaeger, 95 of 100."""

    def readable(run: Execution) -> object:
        return eventually(jaeger.trace(run.trace_id), has_spans(f"POST {EXECUTE}"), within=10, every=0.02)

    row = Row(
        what="request to readable: trace, p95", measured=p95_until(readable, api=retailx), limit=1.0, unit="s"
    )
    assert measurements.add(row) == "holds", row


def test_a_metric_is_readable_within_a_scrape_and_a_second(
    stack: Stack, retailx: Api, prometheus: Prometheus, measurements: Measurements
) -> None:
    """From the request to its exemplar in Prometheus, which the sample it was counted in carries."""
    latency = f'api_request_duration_seconds_bucket{{endpoint="{EXECUTE}"}}'

    def readable(run: Execution) -> object:
        probe = prometheus.exemplars(latency, since=run.sent_at)
        return eventually(probe, names_trace(run.trace_id), within=60, every=0.02)

    limit = stack.scrape_interval + 1
    requests = REQUESTS if stack.private else 3
    row = Row(
        what="request to readable: metric, p95",
        measured=p95_until(readable, api=retailx, requests=requests),
        limit=limit,
        unit="s",
    )
    assert measurements.add(row) == "holds", row
