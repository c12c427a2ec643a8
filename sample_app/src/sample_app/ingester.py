"""`python -m sample_app.ingester`: stores the events of the stream until told to stop."""

import signal
import socket
import threading
from uuid import uuid4

import structlog
from prometheus_client import start_http_server
from redis.exceptions import RedisError
from sqlalchemy import Engine, exc, select

from sample_app import redis_clients
from sample_app.database import UNAVAILABLE, make_engine
from sample_app.events.ingestion import Ingestion
from sample_app.events.metrics import IngesterMetrics
from sample_app.faults.catalogue import StuckStream
from sample_app.faults.switchboard import Switches, make_switches
from sample_app.settings import Settings, load_settings
from sample_app.telemetry.context import SERVING, Serving
from sample_app.telemetry.errors import configure_errors, flush_errors, report
from sample_app.telemetry.logging import configure_logging
from sample_app.telemetry.metrics import make_registry
from sample_app.telemetry.sql import count_slow_statements, trace_statements
from sample_app.telemetry.tracing import flush, make_provider
from sample_app.telemetry.vitals import BuildInfo, make_slow_statements
from sample_app.tenancy import TENANTS

_LOG = structlog.get_logger()
_WAIT_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 1.0
_PAUSE_SECONDS = 0.5
_AWAY_SECONDS = 1.0  # each turn asks for the name of who is away
_TENANTS_EVERY_SECONDS = 30.0
_AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE, RedisError, OSError)


def main() -> None:
    """Store until told to stop, then finish the batch in hand."""
    settings = load_settings()
    configure_logging(settings)
    configure_errors(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(settings, stop)


def run(settings: Settings, stop: threading.Event) -> None:
    """Store until the event is set."""
    provider = make_provider(settings)
    engine = make_engine(settings)
    registry = make_registry()
    metrics = IngesterMetrics(registry)
    tracer = provider.get_tracer("sample_app")
    trace_statements(engine, tracer)
    count_slow_statements(engine, make_slow_statements(registry))
    registry.register(BuildInfo(settings.release))
    broker = redis_clients.broker(settings, seconds=redis_clients.READ_SECONDS)
    ingestion = Ingestion(
        broker, engine, tracer, metrics, socket.gethostname(), settings.ingester_claim_after_seconds
    )
    start_http_server(settings.ingester_metrics_port, addr=settings.bind_host, registry=registry)
    _LOG.info("ingester_started", port=settings.ingester_metrics_port)
    for beside in (_look_forever, _expect_forever):
        threading.Thread(target=beside, args=(ingestion, engine, stop), daemon=True).start()
    _store_forever(ingestion, make_switches(settings), stop)
    flush(provider)
    flush_errors()
    engine.dispose()
    _LOG.info("ingester_stopped")


def _store_forever(ingestion: Ingestion, switches: Switches, stop: threading.Event) -> None:
    begun = False
    trouble: type[Exception] | None = None
    while not stop.is_set():
        SERVING.set(Serving(uuid4().hex))  # a turn; whom it serves is known once its events are read
        try:
            if switches.get(StuckStream):
                stop.wait(_PAUSE_SECONDS)
                continue
            if not begun:
                ingestion.begin()
            begun = True
            ingestion.turn(wait_seconds=_WAIT_SECONDS)
            trouble = None
        except _AWAY as error:
            if trouble is None:  # once per outage, not once per turn
                _LOG.warning("ingestion_postponed", cause=type(error).__name__)
            trouble, begun = type(error), False  # a broker that lost its data has no group
            stop.wait(_AWAY_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next turn may go well
            # the next turn meets the same events, and most likely the same end
            if trouble is not type(error):
                _LOG.exception("ingestion_failed")
                report(error, endpoint="ingester")
            trouble = type(error)
            stop.wait(_PAUSE_SECONDS)


def _look_forever(ingestion: Ingestion, _engine: Engine, stop: threading.Event) -> None:
    while not stop.wait(_LOOK_EVERY_SECONDS):
        try:
            ingestion.look()
        except (RedisError, OSError, StopIteration):
            continue  # the gauges keep what was last seen; the time of the last progress tells its age


def _expect_forever(ingestion: Ingestion, engine: Engine, stop: threading.Event) -> None:
    """Begin known tenants' series at zero, later ones' too."""
    pause, trouble = 0.0, None
    while not stop.wait(pause):
        try:
            with engine.connect() as connection:
                ingestion.metrics.expect(connection.execute(select(TENANTS.c.id)).scalars())
            pause, trouble = _TENANTS_EVERY_SECONDS, None
        except exc.SQLAlchemyError as error:  # whatever it says today, these series need the tenants
            if trouble is not type(error):
                _LOG.warning("tenants_unknown", cause=type(error).__name__)
            pause, trouble = _PAUSE_SECONDS, type(error)


if __name__ == "__main__":
    main()
