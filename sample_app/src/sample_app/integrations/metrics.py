"""Counts failed calls to the ad platforms."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from sample_app.telemetry import names
from sample_app.telemetry.metrics import LabelLimit


class IntegrationMetrics:
    """Counts each attempt that failed."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        """Register with a registry; None where processes share files instead."""
        metric = names.INTEGRATION_FAILURES
        self._failures = Counter(metric.name, metric.help, metric.labels, registry=registry)
        self._tenant = LabelLimit()

    def failed(self, platform: str, tenant_id: str, error_class: str) -> None:
        """Count one failed attempt."""
        self._failures.labels(platform, self._tenant(tenant_id), error_class).inc()

    def expect(self, tenant_ids: Iterable[str]) -> None:
        """Begin each tenant's series at zero: `rate()` cannot see the first failure of a series born at one."""
        for tenant_id in tenant_ids:
            for platform in names.PLATFORMS:
                for error_class in names.ERROR_CLASSES:
                    self._failures.labels(platform, self._tenant(tenant_id), error_class)
