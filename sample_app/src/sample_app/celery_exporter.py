"""`python -m sample_app.celery_exporter`: what only the broker's side knows about Celery.

A thread asks every few seconds and the scrape is answered from what it last saw, so a slow broker
slows no scrape, and a worker that was killed counts no longer than its silence.
"""

import signal
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from time import time

import structlog
from celery import Celery  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily

from sample_app.queueing import make_celery
from sample_app.settings import load_settings
from sample_app.telemetry import names
from sample_app.telemetry.errors import configure_errors, report
from sample_app.telemetry.logging import configure_logging

_LOG = structlog.get_logger()
_PING_SECONDS = 0.7
_AWAY_SECONDS = 1.0  # at least, until an absent broker is asked again: each question asks for its name, too
_SEPARATOR = "\x06\x16"
_PRIORITIES = (0, 3, 6, 9)
_UNACKED = "unacked"


@dataclass(frozen=True)
class Seen:
    """What the broker said."""

    workers: int
    waiting: int | None
    unacked: int | None


class BrokerCollector:
    """Serves what was last seen."""

    def __init__(self, *, workers_expected: int, replicas_expected: int = 0) -> None:
        """Begin with nothing seen. What is expected is a setting, exposed beside what is there."""
        self._workers_expected = workers_expected
        self._replicas_expected = replicas_expected
        self._seen: Seen | None = None
        self._refreshed = 0.0

    def update(self, seen: Seen) -> None:
        """Take over what was seen; an unreachable broker leaves the time of the last success."""
        self._seen = seen
        if seen.waiting is not None:
            self._refreshed = time()

    def collect(self) -> Iterable[Metric]:
        """Return the gauges; what is not known has no sample, so that nobody takes it for zero."""
        yield _gauge(names.CELERY_WORKERS_EXPECTED, self._workers_expected)
        yield _gauge(names.PG_REPLICAS_EXPECTED, self._replicas_expected)
        yield _gauge(names.CELERY_EXPORTER_REFRESHED, self._refreshed)
        if self._seen is None:
            return
        # workers beyond an unreachable broker do no work: that is none, not an unknown number
        yield _gauge(names.CELERY_WORKERS_ACTIVE, self._seen.workers)
        if self._seen.waiting is not None:
            length = names.CELERY_QUEUE_LENGTH
            family = GaugeMetricFamily(length.name, length.help, labels=length.labels)
            family.add_metric([names.QUEUE], self._seen.waiting)
            yield family
        if self._seen.unacked is not None:
            yield _gauge(names.CELERY_QUEUE_UNACKED, self._seen.unacked)


def look(celery: Celery) -> Seen:
    """Ask the broker and, through it, every worker."""
    workers = len(celery.control.ping(timeout=_PING_SECONDS) or [])
    with celery.connection_for_read() as connection:
        client = connection.default_channel.client
        keys = [names.QUEUE if not step else f"{names.QUEUE}{_SEPARATOR}{step}" for step in _PRIORITIES]
        waiting = sum(client.llen(key) for key in keys)
        return Seen(workers, waiting, client.hlen(_UNACKED))


def main() -> None:
    """Look and serve until told to stop."""
    settings = load_settings()
    configure_logging(settings)
    configure_errors(settings)
    celery = make_celery(settings, impatient=True)
    collector = BrokerCollector(
        workers_expected=settings.workers_expected, replicas_expected=settings.pg_replicas_expected
    )
    registry = CollectorRegistry()
    registry.register(collector)
    start_http_server(settings.exporter_port, addr=settings.bind_host, registry=registry)
    _LOG.info("celery_exporter_started", port=settings.exporter_port)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(
        target=_look_forever, args=(celery, collector, stop, settings.exporter_refresh_seconds), daemon=True
    ).start()
    stop.wait()


def _look_forever(celery: Celery, collector: BrokerCollector, stop: threading.Event, every: float) -> None:
    reachable = True
    while not stop.is_set():
        try:
            collector.update(look(celery))
            reachable = True
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the exporter lives on
            collector.update(Seen(0, None, None))
            if reachable:  # once per outage, not once per turn
                _LOG.warning("broker_unreachable", cause=type(error).__name__)
                if not isinstance(error, OSError) and not _is_operational(celery, error):
                    report(error, endpoint="celery_exporter")
            reachable = False
        stop.wait(every if reachable else max(every, _AWAY_SECONDS))


def _is_operational(celery: Celery, error: Exception) -> bool:
    connection = celery.connection_for_read()
    return isinstance(error, (*connection.connection_errors, *connection.channel_errors))


def _gauge(metric: names.Metric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, value=value)


if __name__ == "__main__":
    main()
