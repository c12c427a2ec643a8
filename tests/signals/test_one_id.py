"""One id leads from a figure to the line, the trace and the error behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.eventually import eventually
from harness.expectations import has_length, has_spans, is_connected, names_trace

if TYPE_CHECKING:
    from harness.clients.api import Api
    from harness.clients.errors import Errors
    from harness.clients.jaeger import Jaeger, Span, Trace
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus

EXECUTE = "/api/v1/automations/{automation_id}/execute"


def lineage(trace: Trace, name: str) -> list[str]:
    """Name the spans from the first one down to the last one of a name."""
    span = max(trace.named(name), key=lambda one: one.started)
    names, by_id = [], {one.span_id: one for one in trace.spans}
    current: Span | None = span
    while current is not None:
        names.insert(0, current.name)
        current = by_id.get(current.parent_id)
    return names


@pytest.mark.smoke
def test_a_run_is_one_trace_from_the_request_to_the_decision_in_the_database(
    acme: Api, jaeger: Jaeger
) -> None:
    """HTTP, SQL, the queue, the task, the ad platform, SQL again: one tree, begun by the caller's span."""
    run = acme.execute(1001)
    trace = eventually(
        jaeger.trace(run.trace_id),
        has_spans("process_automation", "POST /{platform}/v1/actions", "UPDATE executions"),
        is_connected,
        within=60,
    )
    (first,) = trace.roots
    assert (first.name, first.kind, first.parent_id) == (f"POST {EXECUTE}", "server", run.span_id)
    assert lineage(trace, "INSERT executions") == [first.name, "INSERT executions"]
    assert lineage(trace, "process_automation") == [
        first.name,
        "apply_async/execute_automation",
        "run/execute_automation",
        "process_automation",
    ]
    run_through = lineage(trace, "process_automation")
    assert lineage(trace, "POST /{platform}/v1/actions") == [
        *run_through,
        "POST meta",
        "POST /{platform}/v1/actions",
    ]
    assert lineage(trace, "UPDATE executions") == [*run_through, "UPDATE executions"]


@pytest.mark.smoke
def test_the_decision_is_on_the_spans_that_made_it(acme: Api, jaeger: Jaeger) -> None:
    """Each attribute is on the span it belongs to, and agrees with what the tenant was told."""
    run = acme.execute(1001)
    outcome = eventually(acme.outcome(run), within=60)
    wanted = has_spans("process_automation", "evaluate_signal", "make_decision")
    trace = eventually(jaeger.trace(run.trace_id), wanted, within=15)
    (process,), (evaluate,), (decide,) = map(
        trace.named, ("process_automation", "evaluate_signal", "make_decision")
    )
    assert (process.attributes["automation_id"], process.attributes["tenant_id"]) == (1001, "acme")
    assert evaluate.attributes["signal_health"] == outcome.signal_health
    assert decide.attributes["decision"] == outcome.decision
    assert {evaluate.parent_id, decide.parent_id} == {process.span_id}


@pytest.mark.smoke
def test_an_exemplar_leads_to_the_log_line_and_the_trace(
    acme: Api, prometheus: Prometheus, loki: Loki, jaeger: Jaeger
) -> None:
    """From a bucket of the latency histogram to what that very request did."""
    run = acme.execute(1002)
    latency = f'api_request_duration_seconds_bucket{{endpoint="{EXECUTE}"}}'
    probe = prometheus.exemplars(latency, since=run.sent_at)
    exemplars = eventually(probe, names_trace(run.trace_id), within=30)
    (exemplar,) = [one for one in exemplars if one.trace_id == run.trace_id]

    (line,) = eventually(loki.of_trace(exemplar.trace_id, service="stratum-api"), has_length(1), within=15)
    assert (line["event"], line["endpoint"], line["status_code"]) == ("api_request", EXECUTE, 202)
    assert line["duration_ms"] == pytest.approx(exemplar.value * 1000, abs=0.01)

    trace = eventually(jaeger.trace(exemplar.trace_id), has_spans(f"POST {EXECUTE}"), within=15)
    assert line["span_id"] == trace.named(f"POST {EXECUTE}")[0].span_id


@pytest.mark.smoke
def test_every_services_line_carries_the_requests_ids(acme: Api, loki: Loki) -> None:
    """The lines of the API, the worker and the ad platform are found together, and say who and what."""
    run = acme.execute(1003)
    lines = eventually(loki.of_trace(run.trace_id), has_length(3), within=15)
    platform, api, worker = sorted(lines, key=lambda line: line["service"])
    assert (platform["event"], platform["service"]) == ("api_request", "ad-platforms")
    assert (api["event"], api["service"], api["tenant_id"]) == ("api_request", "stratum-api", "acme")
    assert (worker["event"], worker["service"], worker["tenant_id"]) == (
        "automation_executed",
        "stratum-worker",
        "acme",
    )
    assert (worker["automation_id"], worker["execution_id"]) == (1003, run.execution_id)
    assert {line["request_id"] for line in lines} == {run.request_id}
    assert {line["trace_id"] for line in lines} == {run.trace_id}


@pytest.mark.smoke
def test_an_error_is_found_by_the_same_id_in_every_store(
    operator: Api, prometheus: Prometheus, loki: Loki, jaeger: Jaeger, errors: Errors
) -> None:
    """The event, the line, the failed span and the exemplar of one unhandled error."""
    failed = operator.canary_error()
    assert (failed.status, failed.body["trace_id"]) == (500, failed.trace_id)
    assert failed.headers["content-type"] == "application/problem+json"

    (event,) = eventually(errors.of_trace(failed.trace_id), has_length(1), within=15)
    assert (event.kind, event.tags["request_id"]) == ("CanaryError", failed.request_id)

    (line,) = eventually(loki.of_trace(failed.trace_id), has_length(1), within=15)
    assert (line["level"].lower(), line["status_code"]) == ("error", 500)

    trace = eventually(jaeger.trace(failed.trace_id), has_spans("POST /internal/canary/error"), within=15)
    assert trace.named("POST /internal/canary/error")[0].failed

    latency = 'api_request_duration_seconds_bucket{endpoint="/internal/canary/error"}'
    eventually(prometheus.exemplars(latency, since=failed.sent_at), names_trace(failed.trace_id), within=30)
