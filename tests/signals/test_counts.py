"""What is sent is what is counted, logged, traced and written: compared by ids, since totals hide a loss behind a double."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from harness.eventually import NotYet, Probe, eventually
from harness.expectations import equals, has_ids, is_connected
from harness.settling import counted_so_far

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.clients.api import Api, Execution
    from harness.clients.database import Database
    from harness.clients.jaeger import Jaeger, Trace
    from harness.clients.loki import Lines, Loki
    from harness.clients.prometheus import Prometheus

REQUESTS = 10
COUNTED = (
    'sum(api_requests_total{job="stratum-api",endpoint="/api/v1/automations/{automation_id}/execute",'
    'status_code="202"}) or vector(0)'
)
OBSERVED = (
    'sum(api_request_duration_seconds_count{job="stratum-api",'
    'endpoint="/api/v1/automations/{automation_id}/execute",status_code="202"}) or vector(0)'
)
DECIDED = 'sum(trust_gate_decisions_total{tenant_id="techco"}) or vector(0)'


@pytest.fixture(scope="module")
def runs(techco: Api, prometheus: Prometheus) -> tuple[Sequence[Execution], dict[str, float]]:
    """Ten runs asked for at once, and what the figures were before."""
    before = {
        query: counted_so_far(prometheus, query, job=job)
        for query, job in ((COUNTED, "stratum-api"), (OBSERVED, "stratum-api"), (DECIDED, "stratum-worker"))
    }
    with ThreadPoolExecutor(max_workers=REQUESTS) as several:
        sent = list(several.map(lambda _: techco.execute(2001), range(REQUESTS)))
    for run in sent:
        eventually(techco.outcome(run), within=60)
    return sent, before


@pytest.mark.smoke
@pytest.mark.parametrize("figure", [COUNTED, OBSERVED, DECIDED], ids=["requests", "durations", "decisions"])
def test_ten_runs_are_ten_counts(figure: str, runs, prometheus: Prometheus) -> None:  # noqa: ANN001
    """Exactly ten more, after the scrape that follows."""
    _, before = runs
    eventually(prometheus.value(figure), equals(before[figure] + REQUESTS), within=45)


@pytest.mark.smoke
@pytest.mark.parametrize("service", ["stratum-api", "stratum-worker"])
def test_ten_runs_are_ten_lines(service: str, runs, loki: Loki) -> None:  # noqa: ANN001
    """Each run has exactly one line of each service."""
    sent, _ = runs
    event = {
        "stratum-api": 'event="api_request" | status_code="202"',
        "stratum-worker": 'event="automation_executed"',
    }
    query = f'{{service_name="{service}"}} | {event[service]} | tenant_id="techco"'

    def trace_ids(lines: Lines) -> list[str]:
        return [line["trace_id"] for line in lines]

    probe = loki.lines(query, since=min(run.sent_at for run in sent))
    eventually(probe, has_ids([run.trace_id for run in sent], of=trace_ids), within=15)


@pytest.mark.smoke
def test_ten_runs_are_ten_traces(runs, jaeger: Jaeger) -> None:  # noqa: ANN001
    """Each run has one whole trace, and none has another's spans."""
    sent, _ = runs

    def read() -> list[Trace]:
        found = []
        for run in sent:
            try:
                trace = jaeger.trace(run.trace_id).now()
                is_connected(trace)
            except (NotYet, AssertionError):
                continue
            found += [trace] if trace.named("UPDATE executions") else []
        return found

    def execution_ids(traces: list[Trace]) -> list[object]:
        return [trace.named("process_automation")[0].attributes["execution_id"] for trace in traces]

    probe = Probe("whole traces of ten runs in Jaeger", jaeger.address, read)
    eventually(probe, has_ids([run.execution_id for run in sent], of=execution_ids), within=15)


@pytest.mark.smoke
def test_ten_runs_are_ten_rows(runs, database: Database) -> None:  # noqa: ANN001
    """Each run is in the database once, decided."""
    sent, _ = runs
    ids = ", ".join(f"'{run.execution_id}'" for run in sent)
    rows = database.rows(f"SELECT id FROM executions WHERE id IN ({ids}) AND status <> 'queued'").now()  # noqa: S608
    has_ids([run.execution_id for run in sent], of=lambda found: [row[0] for row in found])(rows)
