"""What one process of the prefork worker holds, made after the fork and flushed before the end.

Connections, exporters and their threads do not survive a fork; pool children end without atexit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import httpx2
import structlog
from billiard.util import get_logger  # type: ignore[import-untyped]
from celery import Celery, signals  # type: ignore[import-untyped]
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Tracer
from prometheus_client import Counter, start_http_server
from sqlalchemy import Engine, select

from sample_app.database import UNAVAILABLE, make_engine
from sample_app.faults.switchboard import Switches, make_switches
from sample_app.feed.announcer import make_announcer
from sample_app.integrations.client import AdPlatforms
from sample_app.integrations.metrics import IntegrationMetrics
from sample_app.queueing import CeleryPublisher, make_celery
from sample_app.settings import Settings
from sample_app.telemetry.counted_task import CountedTask
from sample_app.telemetry.errors import configure_errors, flush_errors
from sample_app.telemetry.logging import configure_logging
from sample_app.telemetry.metrics import TrustMetrics
from sample_app.telemetry.multiprocess import make_worker_registry
from sample_app.telemetry.sql import count_slow_statements, trace_statements
from sample_app.telemetry.task_metrics import TaskMetrics
from sample_app.telemetry.tracing import flush, make_provider
from sample_app.telemetry.vitals import BuildInfo, make_slow_statements
from sample_app.tenancy import TENANTS
from sample_app.trust.gate import Gate

_LOG = structlog.get_logger()


@dataclass(frozen=True)
class Metrics:
    """What a worker counts; made before the fork, so that all its processes write to the same series."""

    trust: TrustMetrics
    integrations: IntegrationMetrics
    tasks: TaskMetrics
    slow_statements: Counter

    @classmethod
    def shared(cls) -> "Metrics":
        """Return metrics that processes share through files."""
        return cls(
            TrustMetrics(None), IntegrationMetrics(None), TaskMetrics(None), make_slow_statements(None)
        )

    def expect(self, tenant_ids: Iterable[str]) -> None:
        """Begin every series of these tenants at zero."""
        known = list(tenant_ids)
        self.trust.expect(known)
        self.integrations.expect(known)
        self.tasks.expect()


@dataclass
class Process:
    """One pool process."""

    settings: Settings
    provider: TracerProvider
    tracer: Tracer
    engine: Engine
    metrics: Metrics
    gate: Gate
    api: httpx2.Client
    publisher: CeleryPublisher
    switches: Switches

    def send(self, execution_id: str) -> None:
        """Send an execution's message to the queue."""
        self.publisher.send(execution_id)


class _Holder:
    """The current process: one per fork, so a variable of the module and not of a task."""

    def __init__(self) -> None:
        self._process: Process | None = None

    def set(self, process: Process) -> None:
        self._process = process

    def get(self) -> Process:
        if self._process is None:
            raise RuntimeError("this process was not set up: worker_process_init did not run")
        return self._process


PROCESS = _Holder()


def connect_signals(settings: Settings) -> None:
    """Set up the worker's main process and each child as Celery starts and stops them."""
    metrics = Metrics.shared()
    CountedTask.metrics = metrics.tasks

    def configure(**_: object) -> None:
        configure_logging(settings)
        # billiard keeps its records from us, and would print them as they are: that a process was killed, for one
        get_logger().propagate = True

    def main_starts(**_: object) -> None:
        configure_errors(settings)
        _expect_tenants(settings, metrics)
        registry = make_worker_registry(settings.metrics_dir)
        registry.register(BuildInfo(settings.release))
        start_http_server(settings.worker_metrics_port, addr=settings.bind_host, registry=registry)

    def child_starts(**_: object) -> None:
        PROCESS.set(make_process(settings, metrics))

    def child_ends(**_: object) -> None:
        process = PROCESS.get()
        flush(process.provider)
        flush_errors()
        process.engine.dispose()

    signals.setup_logging.connect(configure, weak=False)
    signals.worker_init.connect(main_starts, weak=False)
    signals.worker_process_init.connect(child_starts, weak=False)
    signals.worker_process_shutdown.connect(child_ends, weak=False)


def make_process(settings: Settings, metrics: Metrics) -> Process:
    """Return a child's own provider, engine and publisher."""
    configure_logging(settings)
    configure_errors(settings)
    provider = make_provider(settings)
    tracer = provider.get_tracer("sample_app")
    engine = make_engine(settings)
    trace_statements(engine, tracer)
    count_slow_statements(engine, metrics.slow_statements)
    publisher: Celery = make_celery(settings, impatient=True)
    switches = make_switches(settings)
    platforms = AdPlatforms(tracer, metrics.integrations, url=settings.ad_platforms_url)
    return Process(
        settings=settings,
        provider=provider,
        tracer=tracer,
        engine=engine,
        metrics=metrics,
        gate=Gate(engine, tracer, metrics.trust, make_announcer(settings).tell, platforms, switches),
        api=httpx2.Client(base_url=settings.api_url, trust_env=False),  # next door: no proxy has it
        publisher=CeleryPublisher(publisher, tracer),
        switches=switches,
    )


def _expect_tenants(settings: Settings, metrics: Metrics) -> None:
    """Begin known tenants' series at zero before the first decision; the scheduler's task adds later ones."""
    engine = make_engine(settings, pool_size=1)
    try:
        with engine.connect() as connection:
            metrics.expect(connection.execute(select(TENANTS.c.id)).scalars())
    except UNAVAILABLE as error:
        _LOG.warning("tenants_unknown_at_start", cause=type(error).__name__)
    finally:
        engine.dispose()  # no connection may be inherited by the children
