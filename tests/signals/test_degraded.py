"""Telemetry may fail; the product may not: the API serves, and containers start and stop, while a store is away."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import pytest
from requests import RequestException

from harness.eventually import NotYet, Probe, eventually
from harness.expectations import has_ids

if TYPE_CHECKING:
    from harness.clients.api import Api, Execution, Outcome
    from harness.clients.loki import Lines, Loki
    from harness.faults import Faults

pytestmark = pytest.mark.slow

AWAY = ["otel-collector", "loki", "jaeger", "errors"]
REQUESTS = 10
PROMPT_ANSWER = 1.0
PROMPT_STOP = 8.0  # well below the 10 s after which Docker kills
PROMPT_START = 20.0  # to the first decision; on an idle machine it is five


@dataclass(frozen=True)
class Absence:
    """What the application did while a store was away."""

    runs: tuple[Execution, ...]
    outcomes: tuple[Outcome, ...]
    median_answer: float  # who waits for telemetry does so in most answers; one may be slow on a busy machine
    stop_seconds: dict[str, float]
    start_seconds: float


@pytest.fixture(scope="module", params=AWAY)
def absence(request: pytest.FixtureRequest, acme: Api, faults: Faults) -> Absence:
    """Stop one store; stop and start the application; run automations; then bring the store back.

    In this order, since the lines of a *container* that stops while the Collector is away are lost with it: Docker's
    daemon buffers them for the container, and drops the buffer when it stops (ADR-0002).
    """
    with faults.stopped(request.param):
        with faults.stopped("worker", "api") as stopped:
            pass
        eventually(readiness(acme), within=60)
        eventually(acme.outcome(acme.execute(1001)), within=60)
        back = time.time() - min(one.healed_at for one in stopped)

        runs, seconds = [], []
        for _ in range(REQUESTS):
            began = time.monotonic()
            runs.append(acme.execute(1001, patience=0))
            seconds.append(time.monotonic() - began)
        outcomes = tuple(eventually(acme.outcome(run), within=60) for run in runs)
    stops = {one.service: one.seconds for one in stopped}
    return Absence(tuple(runs), outcomes, median(seconds), stops, back)


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


def test_runs_are_accepted_and_decided_as_ever(absence: Absence) -> None:
    """Nobody who uses the product notices."""
    assert absence.median_answer < PROMPT_ANSWER
    assert {outcome.status for outcome in absence.outcomes} <= {"success", "held", "skipped"}


def test_the_application_stops_promptly(absence: Absence) -> None:
    """Nothing on the way down waits for telemetry to be delivered."""
    assert {
        service: seconds for service, seconds in absence.stop_seconds.items() if seconds > PROMPT_STOP
    } == {}


def test_the_application_starts_promptly(absence: Absence) -> None:
    """Nothing on the way up needs the store."""
    assert absence.start_seconds < PROMPT_START


def test_the_lines_are_all_there_in_the_end(absence: Absence, loki: Loki) -> None:
    """What an outage held back is delivered later: by the Collector's queue, or by the daemon's buffer."""

    def trace_ids(lines: Lines) -> list[str]:
        sent = {run.trace_id for run in absence.runs}
        return [line["trace_id"] for line in lines if line["trace_id"] in sent]

    query = '{service_name="stratum-api"} | event="api_request" | status_code="202" | tenant_id="acme"'
    wanted = has_ids([run.trace_id for run in absence.runs], of=trace_ids)
    eventually(loki.lines(query, since=absence.runs[0].sent_at), wanted, within=60)
