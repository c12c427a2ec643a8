"""Every name that leaves the application: metrics with labels and allowed values, log events, spans.

Dashboards, rules and tests are checked against this module, so a name is spelled here and nowhere else.
"""

from dataclasses import dataclass
from typing import Literal

UNMATCHED = "unmatched"
"""`endpoint` of a request that no route answers."""

OTHER = "other"
"""What a label value becomes that is unknown or beyond its limit."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
DECISIONS = ("pass", "hold", "block")
TENANT_LIMIT = 500


@dataclass(frozen=True)
class Metric:
    """One metric as it is exposed."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


API_REQUESTS = Metric(
    "api_requests_total", "counter", "HTTP requests answered", ("method", "endpoint", "status_code")
)
API_REQUEST_DURATION = Metric(
    "api_request_duration_seconds",
    "histogram",
    "Time from a request's arrival to the end of its answer",
    ("method", "endpoint", "status_code"),
    # 0.5 and 1.0 are boundaries on purpose: the SLO and the latency alert read them exactly
    (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
TRUST_GATE_DECISIONS = Metric(
    "trust_gate_decisions_total", "counter", "Trust gate decision outcomes", ("decision", "tenant_id")
)
CELERY_WORKERS_ACTIVE = Metric("celery_workers_active", "gauge", "Workers that answered a ping")
CELERY_WORKERS_EXPECTED = Metric("celery_workers_expected", "gauge", "Workers that should answer")
CELERY_QUEUE_LENGTH = Metric(
    "celery_queue_length", "gauge", "Messages waiting in the broker, all priorities", ("queue",)
)
CELERY_QUEUE_UNACKED = Metric(
    "celery_queue_unacked", "gauge", "Messages delivered to a worker and not acknowledged"
)
CELERY_EXPORTER_REFRESHED = Metric(
    "celery_exporter_refresh_timestamp_seconds", "gauge", "When the broker was last asked with success"
)
METRICS = (
    API_REQUESTS,
    API_REQUEST_DURATION,
    TRUST_GATE_DECISIONS,
    CELERY_WORKERS_ACTIVE,
    CELERY_WORKERS_EXPECTED,
    CELERY_QUEUE_LENGTH,
    CELERY_QUEUE_UNACKED,
    CELERY_EXPORTER_REFRESHED,
)

EVENT_REQUEST = "api_request"
EVENT_EXECUTED = "automation_executed"

SPAN_PROCESS = "process_automation"
SPAN_EVALUATE = "evaluate_signal"
SPAN_DECIDE = "make_decision"
SPAN_PUBLISH = "apply_async"
SPAN_RUN = "run"

QUIET_PATHS = frozenset({"/health", "/health/live", "/health/ready", "/health/detailed", "/metrics"})
"""Paths that probes ask every few seconds: counted, neither logged nor traced."""

TASK_EXECUTE = "execute_automation"
TASK_REQUEUE = "requeue_executions"
QUEUE = "default"
