"""What every process says of itself and of what it depends on: its release, slow statements, who answers."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sample_app.telemetry import names


class BuildInfo(Collector):
    """The release, as a label: not a Gauge, so that it needs no file where processes share their metrics."""

    def __init__(self, release: str) -> None:
        """Tell this release."""
        self._release = release

    def collect(self) -> Iterable[Metric]:
        """Return the one sample."""
        metric = names.BUILD_INFO
        family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        family.add_metric([self._release], 1)
        yield family


def make_slow_statements(registry: CollectorRegistry | None) -> Counter:
    """Return the counter of slow statements; None where processes share files instead of a registry."""
    metric = names.PG_SLOW_QUERIES
    return Counter(metric.name, metric.help, registry=registry)


class DependencyMetrics:
    """Shows what each dependency's last check found; one that was not checked yet has no sample."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register with the process's registry."""
        metric = names.DEPENDENCY_UP
        self._up = Gauge(metric.name, metric.help, metric.labels, registry=registry)

    def found(self, answers: Mapping[str, bool]) -> None:
        """Take over what was found."""
        for dependency, answered in answers.items():
            self._up.labels(dependency).set(answered)
