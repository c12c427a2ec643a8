"""What the ingester counts, and how far behind the stream it is."""

from collections.abc import Iterable
from time import time

from prometheus_client import CollectorRegistry, Counter, Gauge

from sample_app.telemetry import names
from sample_app.telemetry.metrics import LabelLimit


class IngesterMetrics:
    """Counts events; gauges are set after each look at the stream."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register with the process's registry."""
        ingested, events = names.CDP_EVENTS_INGESTED, names.INGESTER_EVENTS
        self._ingested = Counter(ingested.name, ingested.help, ingested.labels, registry=registry)
        self._events = Counter(events.name, events.help, events.labels, registry=registry)
        self._lag, self._pending, self._oldest, self._progress = (
            Gauge(metric.name, metric.help, registry=registry)
            for metric in (
                names.INGESTER_LAG,
                names.INGESTER_PENDING,
                names.INGESTER_OLDEST,
                names.INGESTER_LAST_STORED,
            )
        )
        self._tenant = LabelLimit()
        for result in names.INGEST_RESULTS:
            self._events.labels(result)

    def expect(self, tenant_ids: Iterable[str]) -> None:
        """Begin each tenant's series at zero."""
        for tenant in map(self._tenant, tenant_ids):
            for event_type in (*names.EVENT_TYPES, names.OTHER):
                self._ingested.labels(event_type, tenant)

    def stored(self, event_type: str, tenant_id: str) -> None:
        """Count one event that is in the table now and was not before."""
        known = event_type if event_type in names.EVENT_TYPES else names.OTHER
        self._ingested.labels(known, self._tenant(tenant_id)).inc()
        self._events.labels("stored").inc()

    def repeated(self) -> None:
        """Count one event that was in the table already."""
        self._events.labels("duplicate").inc()

    def rejected(self) -> None:
        """Count one entry that is no event."""
        self._events.labels("rejected").inc()

    def behind(self, *, lag: int, pending: int, oldest_seconds: float) -> None:
        """Say how far behind the stream is."""
        self._lag.set(lag)
        self._pending.set(pending)
        self._oldest.set(oldest_seconds)

    def progressed(self) -> None:
        """Say that a batch was stored, or that there was none to store."""
        self._progress.set(time())
