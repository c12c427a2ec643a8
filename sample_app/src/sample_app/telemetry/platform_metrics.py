"""What the API counts about the product itself: signals, profiles, segments, live connections."""

from collections.abc import Iterable

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sample_app.telemetry import names
from sample_app.telemetry.metrics import LabelLimit


class PlatformMetrics:
    """Counts what tenants do; every label has a known set of values, and tenants a limit."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register with the process's registry."""
        operations, connections = names.CDP_PROFILE_OPERATIONS, names.API_ACTIVE_CONNECTIONS
        self._scores = _histogram(names.SIGNAL_HEALTH_SCORE, registry)
        self._evaluations = _histogram(names.CDP_SEGMENT_EVALUATION, registry)
        self._operations = Counter(operations.name, operations.help, operations.labels, registry=registry)
        self.connections = Gauge(connections.name, connections.help, registry=registry)
        self._tenant = LabelLimit()

    def scored(self, signal_type: str, tenant_id: str, score: float) -> None:
        """Observe the score of a tenant's signal."""
        child = self._scores.labels(_known(signal_type, names.SIGNAL_TYPES), self._tenant(tenant_id))
        child.observe(score, _exemplar())

    def profile_changed(self, operation: str, tenant_id: str) -> None:
        """Count a profile that was created, updated or merged."""
        self._operations.labels(_known(operation, names.PROFILE_OPERATIONS), self._tenant(tenant_id)).inc()

    def segment_evaluated(self, segment_type: str, tenant_id: str, seconds: float) -> None:
        """Observe how long an evaluation took."""
        child = self._evaluations.labels(_known(segment_type, names.SEGMENT_TYPES), self._tenant(tenant_id))
        child.observe(seconds, _exemplar())

    def expect(self, tenant_ids: Iterable[str]) -> None:
        """Begin each tenant's series at zero: `rate()` cannot see the first event of a series born at one."""
        for tenant in map(self._tenant, tenant_ids):
            for signal_type in names.SIGNAL_TYPES:
                self._scores.labels(signal_type, tenant)
            for operation in names.PROFILE_OPERATIONS:
                self._operations.labels(operation, tenant)
            for segment_type in names.SEGMENT_TYPES:
                self._evaluations.labels(segment_type, tenant)


def _histogram(metric: names.Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)


def _known(value: str, known: Iterable[str]) -> str:
    return value if value in known else names.OTHER


def _exemplar() -> dict[str, str] | None:
    current = trace.get_current_span().get_span_context()
    return {"trace_id": f"{current.trace_id:032x}"} if current.trace_flags.sampled else None
