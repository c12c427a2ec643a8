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
EXECUTION_STATUSES = ("success", "failed", "held", "skipped")
AUTOMATION_TYPES = ("budget_shift", "bid_adjustment", "audience_sync")
SIGNAL_TYPES = ("conversion", "attribution", "delivery")
PROFILE_OPERATIONS = ("create", "update", "merge")
EVENT_TYPES = ("page_view", "add_to_cart", "purchase", "email_open", "email_click")
SEGMENT_TYPES = ("behavioural", "demographic", "lifecycle")
PLATFORMS = ("meta", "google", "tiktok")
ERROR_CLASSES = ("timeout", "unreachable", "rate_limited", "rejected", "server_error")
TASK_STATES = ("success", "failure", "retry")
DEPENDENCIES = ("database", "database_replica", "cache", "broker", "celery")
ORDER_RESULTS = ("done", "repeated", "refused")
INGEST_RESULTS = ("stored", "duplicate", "rejected")
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
API_ACTIVE_CONNECTIONS = Metric("api_active_connections", "gauge", "Active WebSocket connections")
SIGNAL_HEALTH_SCORE = Metric(
    "signal_health_score",
    "histogram",
    "Signal health score distribution, 0 (dead) to 100",
    ("signal_type", "tenant_id"),
    (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100),
)
AUTOMATION_EXECUTIONS = Metric(
    "automation_executions_total",
    "counter",
    "Automation execution outcomes",
    ("automation_type", "status", "tenant_id"),
)
CDP_PROFILE_OPERATIONS = Metric(
    "cdp_profile_operations_total", "counter", "CDP profile operations", ("operation", "tenant_id")
)
CDP_EVENTS_INGESTED = Metric(
    "cdp_events_ingested_total", "counter", "CDP events ingested", ("event_type", "tenant_id")
)
CDP_SEGMENT_EVALUATION = Metric(
    "cdp_segment_evaluation_seconds",
    "histogram",
    "Segment evaluation duration",
    ("segment_type", "tenant_id"),
    (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0),
)
INTEGRATION_FAILURES = Metric(
    "integration_failures_total",
    "counter",
    "Failed calls to an ad platform, each attempt counted",
    ("platform", "tenant_id", "error_class"),
)
PG_SLOW_QUERIES = Metric(
    "pg_slow_queries_total", "counter", "Statements of the application that took longer than one second"
)
PG_REPLICAS_EXPECTED = Metric(
    "stratum_pg_replicas_expected", "gauge", "Replicas that should stream from the primary"
)
DEPENDENCY_UP = Metric(
    "stratum_dependency_up", "gauge", "Whether a dependency answered its last check", ("dependency",)
)
BUILD_INFO = Metric("stratum_build_info", "gauge", "Always 1, with the release as a label", ("version",))
SCHEDULED_LAST_RUN = Metric(
    "stratum_scheduled_task_last_run_timestamp_seconds",
    "gauge",
    "When a task that the scheduler sends was last carried out",
    ("task",),
)
CANARY_LAST_SUCCESS = Metric(
    "stratum_canary_last_success_timestamp_seconds",
    "gauge",
    "When the scheduler's canary last came through the API, the queue and the database",
)
INGESTER_EVENTS = Metric(
    "ingester_events_total", "counter", "Events read from the stream, by what became of them", ("result",)
)
INGESTER_LAG = Metric("ingester_stream_lag", "gauge", "Events in the stream that no consumer has read yet")
INGESTER_PENDING = Metric("ingester_stream_pending", "gauge", "Events read and not acknowledged yet")
INGESTER_OLDEST = Metric(
    "ingester_stream_oldest_seconds", "gauge", "Age of the oldest event that is not stored yet; 0 if none"
)
INGESTER_LAST_STORED = Metric(
    "ingester_last_progress_timestamp_seconds",
    "gauge",
    "When the ingester last stored a batch, or found the stream empty",
)
AD_PLATFORM_ORDERS = Metric(
    "ad_platform_orders_total",
    "counter",
    "Orders that the stand-in of the ad platforms got, by what became of them",
    ("platform", "result"),
)
CELERY_TASK_DURATION = Metric(
    "celery_task_duration_seconds",
    "histogram",
    "Task execution time",
    ("task", "queue", "state"),
    (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
CELERY_TASK_FAILURES = Metric(
    "celery_task_failures_total", "counter", "Failed tasks", ("task", "queue", "exception")
)
CELERY_TASK_SLA = Metric(
    "celery_task_sla_seconds", "gauge", "Within this, 95 of 100 runs of a task should end", ("task",)
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
    API_ACTIVE_CONNECTIONS,
    SIGNAL_HEALTH_SCORE,
    TRUST_GATE_DECISIONS,
    AUTOMATION_EXECUTIONS,
    CDP_PROFILE_OPERATIONS,
    CDP_EVENTS_INGESTED,
    CDP_SEGMENT_EVALUATION,
    INTEGRATION_FAILURES,
    PG_SLOW_QUERIES,
    PG_REPLICAS_EXPECTED,
    DEPENDENCY_UP,
    BUILD_INFO,
    SCHEDULED_LAST_RUN,
    CANARY_LAST_SUCCESS,
    INGESTER_EVENTS,
    INGESTER_LAG,
    INGESTER_PENDING,
    INGESTER_OLDEST,
    INGESTER_LAST_STORED,
    AD_PLATFORM_ORDERS,
    CELERY_TASK_DURATION,
    CELERY_TASK_FAILURES,
    CELERY_TASK_SLA,
    CELERY_WORKERS_ACTIVE,
    CELERY_WORKERS_EXPECTED,
    CELERY_QUEUE_LENGTH,
    CELERY_QUEUE_UNACKED,
    CELERY_EXPORTER_REFRESHED,
)

EVENT_REQUEST = "api_request"
EVENT_EXECUTED = "automation_executed"
EVENT_INTEGRATION_FAILURE = "integration_failure"
EVENT_CONNECTION = "websocket_closed"
EVENT_STORED = "cdp_event_stored"

SPAN_PROCESS = "process_automation"
SPAN_EVALUATE = "evaluate_signal"
SPAN_DECIDE = "make_decision"
SPAN_SEGMENT = "evaluate_segment"
SPAN_DELIVER = "deliver_decision"
SPAN_PUBLISH = "apply_async"
SPAN_RUN = "run"
SPAN_STORE_EVENTS = "store_events"

QUIET_PATHS = frozenset({"/health", "/health/live", "/health/ready", "/health/detailed", "/metrics"})
"""Paths that probes ask every few seconds: counted, neither logged nor traced."""

TASK_EXECUTE = "execute_automation"
TASK_REQUEUE = "requeue_executions"
TASK_CANARY = "sing_canary"
TASK_BALLAST = "carry_ballast"
QUEUE = "default"
SCHEDULED_TASKS = (TASK_REQUEUE, TASK_CANARY)
TASKS = (TASK_EXECUTE, *SCHEDULED_TASKS, TASK_BALLAST)
TASK_SLA_SECONDS = {TASK_EXECUTE: 5.0, TASK_REQUEUE: 10.0, TASK_CANARY: 5.0}
"""Within this, 95 of 100 runs should end; ballast is meant to be slow."""
TASK_EXCEPTIONS = ("OperationalError", "WorkerLostError", "TimeLimitExceeded", "InjectedError")
"""`exception` of a failed task; what is not here is `other`."""
