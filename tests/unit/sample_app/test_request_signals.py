"""One request is one span, one line and one sample, and they name each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind, StatusCode

from sample_app.telemetry import names
from sample_app.telemetry.metrics import LabelLimit, clamp_method
from unit.sample_app.doubles import ACME, EXECUTE, EXECUTE_ROUTE, INTERNAL, App

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
NOT_SAMPLED = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"}
OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}


def test_a_request_is_one_span_one_line_one_sample(app: App) -> None:
    answer = app.client.post(EXECUTE, headers={**ACME, **CALLER, "X-Request-ID": "req-1"})

    [span] = app.spans()
    assert (span.name, span.kind) == (f"POST {EXECUTE_ROUTE}", SpanKind.SERVER)
    assert f"{span.context.trace_id:032x}" == TRACE
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert dict(span.attributes or {}) | {"client.address": "", "user_agent.original": ""} == {
        "http.request.method": "POST",
        "url.path": EXECUTE,
        "url.scheme": "http",
        "client.address": "",
        "user_agent.original": "",
        "http.route": EXECUTE_ROUTE,
        "http.response.status_code": 202,
        "request_id": "req-1",
        "tenant_id": "acme",
    }
    [line] = app.lines.named("api_request")
    assert line.pop("duration_ms") > 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "api_request",
        "level": "info",
        "service": "stratum-api",
        "method": "POST",
        "path": EXECUTE,
        "endpoint": EXECUTE_ROUTE,
        "status_code": 202,
        "tenant_id": "acme",
        "user_id": "acme-seed",
        "request_id": "req-1",
        "trace_id": TRACE,
        "span_id": f"{span.context.span_id:016x}",
    }
    labels = {"method": "POST", "endpoint": EXECUTE_ROUTE, "status_code": "202"}
    assert app.sample("api_requests_total", **labels) == 1
    assert app.sample("api_request_duration_seconds_count", **labels) == 1
    assert (answer.headers["x-request-id"], answer.headers["x-trace-id"]) == ("req-1", TRACE)
    assert app.errors.events == []


def test_the_stored_request_continues_the_trace_and_the_request_id(app: App) -> None:
    app.client.post(
        EXECUTE, headers={**ACME, **CALLER, "X-Request-ID": "req-2"}, json={"reason": "spring sale"}
    )

    [request] = app.executions.requests
    assert request.request_id == "req-2"
    assert request.reason == "spring sale"
    assert request.traceparent is not None
    assert request.traceparent.startswith(f"00-{TRACE}-")
    assert app.published.ids == [request.execution_id]


def test_the_exemplar_of_a_request_is_its_trace(app: App) -> None:
    app.client.post(EXECUTE, headers={**ACME, **CALLER})
    answer = app.internal.get("/metrics", headers=OPENMETRICS)

    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    buckets = [line for line in answer.text.splitlines() if f'trace_id="{TRACE}"' in line]
    assert len(buckets) == 1
    assert buckets[0].startswith("api_request_duration_seconds_bucket")


def test_a_callers_trace_state_is_not_kept(app: App) -> None:
    """It is free text of whoever calls, and would be stored with every span."""
    app.client.post(EXECUTE, headers={**ACME, **CALLER, "tracestate": "vendor=hunter2"})

    [span] = app.spans()
    assert f"{span.context.trace_id:032x}" == TRACE
    assert not span.context.trace_state


def test_a_trace_that_is_not_kept_becomes_no_exemplar(app: App) -> None:
    answer = app.client.post(EXECUTE, headers={**ACME, **NOT_SAMPLED})

    assert answer.headers["x-trace-id"] == TRACE
    assert app.spans() == []
    assert TRACE not in app.internal.get("/metrics", headers=OPENMETRICS).text


def test_metrics_come_in_the_format_asked_for(app: App) -> None:
    assert app.internal.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
    assert app.client.get("/metrics").status_code == 404


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_a_probe_is_counted_and_neither_logged_nor_traced(app: App, path: str) -> None:
    assert app.client.get(path).status_code == 200

    assert app.sample("api_requests_total", method="GET", endpoint=path, status_code="200") == 1
    assert app.spans() == []
    assert app.lines.all() == []


def test_every_route_begins_at_zero_for_success_and_for_failure(app: App) -> None:
    for status in ("202", "500"):
        assert (
            app.sample("api_requests_total", method="POST", endpoint=EXECUTE_ROUTE, status_code=status) == 0
        )


def test_a_crash_is_counted_logged_traced_reported_once_and_answered(app: App) -> None:
    answer = app.client.post(
        "/internal/canary/error", headers={**INTERNAL, **CALLER, "X-Request-ID": "req-3"}
    )

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["request_id"], answer.json()["trace_id"]) == ("req-3", TRACE)
    assert "perch" not in answer.text
    route = {"method": "POST", "endpoint": "/internal/canary/error"}
    assert app.sample("api_requests_total", **route, status_code="500") == 1
    [line] = app.lines.all()
    assert (line["event"], line["level"], line["status_code"]) == ("api_request", "error", 500)
    assert "CanaryError" in line["exception"]
    [event] = app.errors.events
    assert event["tags"] == {
        "service": "stratum-api",
        "trace_id": TRACE,
        "request_id": "req-3",
        "tenant_id": "canary",
        "endpoint": "/internal/canary/error",
    }
    assert event["release"] == "1.2.3"
    assert event["contexts"]["trace"]["trace_id"] == TRACE
    [span] = app.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert [item.name for item in span.events] == ["exception"]


@pytest.mark.parametrize("given_id", ["", "a b", "x" * 129, "4111111111111111", "née"])
def test_a_request_id_that_is_unfit_is_replaced(app: App, given_id: str) -> None:
    headers = {**ACME, "X-Request-ID": given_id.encode("latin-1")}
    answer = app.client.post(EXECUTE, headers=headers)  # type: ignore[arg-type]

    assert len(answer.headers["x-request-id"]) == 32
    assert app.lines.named("api_request")[0]["request_id"] == answer.headers["x-request-id"]


def test_addresses_without_a_route_share_one_endpoint(app: App) -> None:
    for path in ("/nope", "/api/v1/nope", "/api/v1/automation"):
        assert app.client.get(path).status_code == 404

    assert app.sample("api_requests_total", method="GET", endpoint="unmatched", status_code="404") == 3


def test_a_wrong_method_keeps_its_endpoint_and_an_invented_one_is_folded(app: App) -> None:
    assert app.client.put(EXECUTE, headers=ACME).status_code == 405
    assert app.client.request("BREW", EXECUTE, headers=ACME).status_code == 405

    for method in ("PUT", "other"):
        assert app.sample("api_requests_total", method=method, endpoint=EXECUTE_ROUTE, status_code="405") == 1


def test_the_query_string_is_not_logged(app: App) -> None:
    app.client.get("/api/v1/nope?token=abc123&q=1")

    assert app.lines.named("api_request")[0]["path"] == "/api/v1/nope"


@given(st.text())
def test_methods_are_bounded(method: str) -> None:
    assert clamp_method(method) in names.METHODS | {names.OTHER}


@given(st.lists(st.text(), max_size=50))
def test_label_values_beyond_the_limit_become_one(values: list[str]) -> None:
    limit = LabelLimit(5)
    seen = {limit(value) for value in values}

    assert len(seen - {names.OTHER}) <= 5
    assert all(limit(value) == value for value in list(dict.fromkeys(values))[:5])
