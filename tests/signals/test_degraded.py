"""Telemetry may fail; the product may not: the API serves, and containers start and stop, while a store is away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from requests import RequestException

from harness.eventually import NotYet, Probe, eventually
from harness.expectations import has_ids

if TYPE_CHECKING:
    from harness.clients.api import Api
    from harness.clients.loki import Lines, Loki
    from harness.faults import Faults

REQUESTS = 10
PROMPT = 8.0  # below the 10 s after which Docker kills

# What an outage leaves behind is kept and delivered later; without the Collector, by the daemon's own buffer.
AWAY = ["otel-collector", "loki", "jaeger", "errors"]


def readiness(api: Api) -> Probe[int]:
    """Ask whether the API can serve."""

    def read() -> int:
        try:
            answer = api.send("GET", "/health/ready", timeout=1)
        except RequestException as failure:
            raise NotYet(type(failure).__name__) from failure
        if answer.status != 200:
            raise NotYet(str(answer.status))
        return answer.status

    return Probe("readiness of the API", f"{api.address}/health/ready", read)


@pytest.mark.slow
@pytest.mark.parametrize("away", AWAY)
def test_runs_are_decided_promptly_while_a_store_is_away(
    away: str, acme: Api, faults: Faults, loki: Loki
) -> None:
    """Ten runs are accepted and decided as ever, and their lines are all there in the end."""
    with faults.stopped(away):
        slowest = 0.0
        runs = []
        for _ in range(REQUESTS):
            began = time.monotonic()
            runs.append(acme.execute(1001))
            slowest = max(slowest, time.monotonic() - began)
        for run in runs:
            eventually(acme.outcome(run), within=15)
    assert slowest < 1.0

    def trace_ids(lines: Lines) -> list[str]:
        return [line["trace_id"] for line in lines]

    query = '{service_name="stratum-api"} | event="api_request" | status_code="202" | tenant_id="acme"'
    wanted = has_ids([run.trace_id for run in runs], of=trace_ids)
    eventually(loki.lines(query, since=runs[0].sent_at), wanted, within=60)


@pytest.mark.slow
@pytest.mark.parametrize("away", AWAY)
def test_the_application_stops_and_starts_promptly_while_a_store_is_away(
    away: str, acme: Api, faults: Faults
) -> None:
    """Nothing on the way down or up waits for telemetry to be delivered."""
    with faults.stopped(away):
        with faults.stopped("worker", "api") as stopped:
            took = {one.service: one.seconds for one in stopped}
        began = time.monotonic()
        eventually(readiness(acme), within=30)
        eventually(acme.outcome(acme.execute(1001)), within=30)
        back = time.monotonic() - began
    assert {service: seconds for service, seconds in took.items() if seconds > PROMPT} == {}
    assert back < 15
