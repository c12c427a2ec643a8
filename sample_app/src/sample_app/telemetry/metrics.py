"""Prometheus metrics: declared in names.py, made here, their children cached so that a request costs a look-up."""

import threading
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from sample_app.telemetry import names

_Child = tuple[Counter, Histogram]

# a second series for every counter, which nobody reads: series begin at zero here anyway
disable_created_metrics()  # type: ignore[no-untyped-call]


class LabelLimit:
    """Lets so many values of a label through and folds the rest into one: series stay bounded."""

    def __init__(self, limit: int = names.TENANT_LIMIT) -> None:
        """Begin with nothing seen."""
        self._limit = limit
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, value: str) -> str:
        """Return the value, or `other` once the limit is reached."""
        if value in self._seen:
            return value
        with self._lock:
            if len(self._seen) < self._limit:
                self._seen.add(value)
                return value
        return value if value in self._seen else names.OTHER


class RequestMetrics:
    """Counts and times requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register with the process's registry."""
        count, duration = names.API_REQUESTS, names.API_REQUEST_DURATION
        self._count = Counter(count.name, count.help, count.labels, registry=registry)
        self._duration = Histogram(
            duration.name, duration.help, duration.labels, registry=registry, buckets=duration.buckets
        )
        self._children: dict[tuple[str, str, int], _Child] = {}

    def observe(self, key: tuple[str, str, int], seconds: float, trace_id: str | None) -> None:
        """Count one request of (method, endpoint, status) and time it; a kept trace becomes its exemplar."""
        count, duration = self._children.get(key) or self._child(key)
        count.inc()
        duration.observe(seconds, {"trace_id": trace_id} if trace_id else None)

    def expect(self, method: str, endpoint: str, success: int) -> None:
        """Begin a route's series at zero: `rate()` cannot see the first error of a series born at one."""
        for status in (success, HTTPStatus.INTERNAL_SERVER_ERROR.value):
            self._child((clamp_method(method), endpoint, status))

    def _child(self, key: tuple[str, str, int]) -> _Child:
        method, endpoint, status = key
        labels = (method, endpoint, str(status))
        child = (self._count.labels(*labels), self._duration.labels(*labels))
        self._children[key] = child
        return child


class TrustMetrics:
    """Counts what the trust gate decided."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        """Register with a registry; None where processes share files instead."""
        metric = names.TRUST_GATE_DECISIONS
        self._decisions = Counter(metric.name, metric.help, metric.labels, registry=registry)
        executions, scores = names.AUTOMATION_EXECUTIONS, names.SIGNAL_HEALTH_SCORE
        self._executions = Counter(executions.name, executions.help, executions.labels, registry=registry)
        self._scores = Histogram(
            scores.name, scores.help, scores.labels, registry=registry, buckets=scores.buckets
        )
        self._tenant = LabelLimit()

    def decided(self, decision: str, tenant_id: str) -> None:
        """Count one decision."""
        self._decisions.labels(decision, self._tenant(tenant_id)).inc()

    def evaluated(self, scores: Mapping[str, float], tenant_id: str) -> None:
        """Observe the scores that a decision stood on."""
        for kind, score in scores.items():
            self._scores.labels(_signal_type(kind), self._tenant(tenant_id)).observe(score)

    def executed(self, automation_type: str, status: str, tenant_id: str) -> None:
        """Count one execution that came to its end."""
        self._executions.labels(automation_type, status, self._tenant(tenant_id)).inc()

    def expect(self, tenant_ids: Iterable[str]) -> None:
        """Begin each tenant's series at zero, so that shares of nothing read as nothing."""
        for tenant in map(self._tenant, tenant_ids):
            for decision in names.DECISIONS:
                self._decisions.labels(decision, tenant)
            for automation_type, status in product(names.AUTOMATION_TYPES, names.EXECUTION_STATUSES):
                self._executions.labels(automation_type, status, tenant)
            for kind in names.SIGNAL_TYPES:
                self._scores.labels(kind, tenant)


def _signal_type(kind: str) -> str:
    return kind if kind in names.SIGNAL_TYPES else names.OTHER


def make_registry() -> CollectorRegistry:
    """Return a registry that knows the process itself."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def clamp_method(method: str) -> str:
    """Return a known verb or `other`: clients invent them."""
    return method if method in names.METHODS else names.OTHER


def exposition(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Return the metrics in the format asked for, and its content type; exemplars need OpenMetrics."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
