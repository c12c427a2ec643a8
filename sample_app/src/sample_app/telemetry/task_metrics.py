"""What a worker counts of its tasks, and how long they take; CountedTask tells it of each run."""

from collections.abc import Iterable
from time import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily

from sample_app.telemetry import names


class TaskMetrics:
    """What became of tasks; the worker's processes share it through files."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        """Register with a registry; None where processes share files instead."""
        duration, failures = names.CELERY_TASK_DURATION, names.CELERY_TASK_FAILURES
        self._duration = Histogram(
            duration.name, duration.help, duration.labels, registry=registry, buckets=duration.buckets
        )
        self._failures = Counter(failures.name, failures.help, failures.labels, registry=registry)
        last_run, canary = names.SCHEDULED_LAST_RUN, names.CANARY_LAST_SUCCESS
        self._last_run = Gauge(
            last_run.name, last_run.help, last_run.labels, registry=registry, multiprocess_mode="max"
        )
        self._canary = Gauge(canary.name, canary.help, registry=registry, multiprocess_mode="max")

    def expect(self) -> None:
        """Begin every series at zero: `rate()` cannot see the first failure of a series born at one."""
        for task in names.TASKS:
            for state in names.TASK_STATES:
                self._duration.labels(task, names.QUEUE, state)
            for exception in (*names.TASK_EXCEPTIONS, names.OTHER):
                self._failures.labels(task, names.QUEUE, exception)

    def canary_returned(self, at: float) -> None:
        """Say when the canary last came through; seconds since 1970."""
        self._canary.set(at)

    def ran(self, task: str, state: str, seconds: float) -> None:
        """Time a run that ended in one of the states in names."""
        self._duration.labels(task, names.QUEUE, state).observe(seconds)
        if task in names.SCHEDULED_TASKS and state == "success":
            self._last_run.labels(task).set(time())

    def failed(self, task: str, exception: str, seconds: float) -> None:
        """Time a run that failed, and count it by the exception's name if that is one we know."""
        known = exception if exception in names.TASK_EXCEPTIONS else names.OTHER
        self._failures.labels(task, names.QUEUE, known).inc()
        self.ran(task, "failure", seconds)


class TaskPromises:
    """How long tasks may take, as series beside how long they take."""

    def collect(self) -> Iterable[Metric]:
        """Return one gauge a task."""
        sla = names.CELERY_TASK_SLA
        family = GaugeMetricFamily(sla.name, sla.help, labels=sla.labels)
        for task, seconds in names.TASK_SLA_SECONDS.items():
            family.add_metric([task], seconds)
        yield family
