"""Each service of the application, each signal, and the test that proves it: an empty cell says why it is empty.

What the stores' and the telemetry's own containers emit is in tests/signals/test_arrival.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Nothing:
    """A signal that a service has no reason to give."""

    why: str


Cell = tuple[str, ...] | Nothing

_ARRIVAL = "tests/signals/test_arrival.py"
_ERRORS = "tests/signals/test_error_events.py"
_EVENTS = "tests/signals/test_events.py"
_PROCESSES = "tests/unit/sample_app/test_processes.py"
_THE_API_AGAIN = ("tests/config/test_application_signals.py::test_the_replica_is_the_api_again",)
_NO_CALLER = "nobody calls it, so it takes part in no trace"

# Compose's service: metrics target, log line, trace span, error event.
SIGNALS: dict[str, dict[str, Cell]] = {
    "api": {
        "metrics": (f"{_ARRIVAL}::test_metrics_arrive[stratum-api]",),
        "logs": (
            f"{_ARRIVAL}::test_logs_arrive[stratum-api]",
            "tests/signals/test_counts.py::test_ten_runs_are_ten_lines[stratum-api]",
        ),
        "traces": (
            "tests/signals/test_one_id.py::test_a_run_is_one_trace_from_the_request_to_the_decision_in_the_database",
        ),
        "errors": (
            f"{_ARRIVAL}::test_errors_arrive[stratum-api]",
            "tests/signals/test_one_id.py::test_an_error_is_found_by_the_same_id_in_every_store",
            f"{_ERRORS}::test_what_a_client_does_wrong_is_no_event",
        ),
    },
    "api-replica": dict.fromkeys(("metrics", "logs", "traces", "errors"), _THE_API_AGAIN),
    "worker": {
        "metrics": (f"{_ARRIVAL}::test_metrics_arrive[stratum-worker]",),
        "logs": (
            f"{_ARRIVAL}::test_logs_arrive[stratum-worker]",
            "tests/signals/test_counts.py::test_ten_runs_are_ten_lines[stratum-worker]",
        ),
        "traces": (
            "tests/signals/test_one_id.py::test_the_decision_is_on_the_spans_that_made_it",
            "tests/resilience/test_orderly_end.py::test_a_child_that_is_replaced_sends_its_spans_first",
        ),
        "errors": (
            f"{_ERRORS}::test_a_workers_unhandled_exception_is_one_event",
            f"{_ERRORS}::test_an_exhausted_integration_is_one_event",
            f"{_ERRORS}::test_a_retry_that_succeeds_is_no_event",
        ),
    },
    "ingester": {
        "metrics": (f"{_ARRIVAL}::test_metrics_arrive[stratum-ingester]",),
        "logs": (
            f"{_ARRIVAL}::test_logs_arrive[stratum-ingester]",
            f"{_EVENTS}::test_an_accepted_event_becomes_a_row_a_line_and_a_count",
        ),
        "traces": (f"{_EVENTS}::test_the_batch_is_linked_to_the_requests_of_its_events",),
        "errors": (f"{_ERRORS}::test_an_ingesters_unhandled_exception_is_one_event_and_loses_nothing",),
    },
    "scheduler": {
        "metrics": Nothing("beat has no port; when its tasks last ran, the workers say"),
        "logs": (f"{_ARRIVAL}::test_logs_arrive[stratum-scheduler]",),
        "traces": Nothing(_NO_CALLER),
        "errors": Nothing(
            "it sends messages and nothing else; what its tasks raise is the workers' to report"
        ),
    },
    "celery-exporter": {
        "metrics": (f"{_ARRIVAL}::test_metrics_arrive[stratum-celery-exporter]",),
        "logs": (f"{_ARRIVAL}::test_logs_arrive[stratum-celery-exporter]",),
        "traces": Nothing(_NO_CALLER),
        "errors": (f"{_PROCESSES}::test_an_exporter_that_cannot_look_says_so_once_and_lives_on",),
    },
    "migrate": {
        "metrics": Nothing("it is gone before anybody could scrape it"),
        "logs": (f"{_ARRIVAL}::test_logs_arrive[stratum-migrate]",),
        "traces": Nothing(_NO_CALLER),
        "errors": (f"{_PROCESSES}::test_a_migration_that_fails_is_one_line_and_one_event",),
    },
    "ad-platforms": {
        "metrics": (f"{_ARRIVAL}::test_metrics_arrive[ad-platforms]",),
        "logs": (
            f"{_ARRIVAL}::test_logs_arrive[ad-platforms]",
            "tests/signals/test_one_id.py::test_every_services_line_carries_the_requests_ids",
        ),
        "traces": (
            "tests/signals/test_one_id.py::test_a_run_is_one_trace_from_the_request_to_the_decision_in_the_database",
        ),
        "errors": Nothing("it stands in for somebody else's service, whose errors are not ours"),
    },
}
