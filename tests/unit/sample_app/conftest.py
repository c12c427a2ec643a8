"""The application on doubles: its spans, lines, events and samples end in lists."""

import io
import logging
from collections.abc import Iterator

import pytest
import sentry_sdk
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer
from starlette.testclient import TestClient

from sample_app.application import make_internal_app, make_public_app
from sample_app.feed.hub import DecisionHub
from sample_app.settings import Settings
from sample_app.stores import Platform
from sample_app.telemetry.errors import configure_errors
from sample_app.telemetry.logging import configure_logging
from sample_app.telemetry.watch import Watch
from unit.sample_app.doubles import (
    App,
    EventList,
    KnownTenants,
    Lines,
    MemoryExecutions,
    PublishedIds,
    TakenEvents,
)
from unit.sample_app.product_doubles import (
    MemoryAnalytics,
    MemoryAutomations,
    MemoryCampaigns,
    MemoryProfiles,
    MemorySegments,
    MemorySignals,
)


@pytest.fixture
def settings() -> Settings:
    return Settings(
        service="stratum-api", release="1.2.3", internal_key="key-internal", sentry_dsn="http://k@localhost/1"
    )


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test")


@pytest.fixture
def lines(settings: Settings) -> Iterator[Lines]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.BytesIO()
    configure_logging(settings, stream)
    yield Lines(stream)
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def errors(settings: Settings) -> Iterator[EventList]:
    transport = EventList()
    configure_errors(settings, transport)
    yield transport
    sentry_sdk.init(default_integrations=False, auto_enabling_integrations=False)


@pytest.fixture
def app(
    settings: Settings, tracer: Tracer, exporter: InMemorySpanExporter, lines: Lines, errors: EventList
) -> App:
    watch = Watch.with_tracer(tracer)
    executions, published, events = MemoryExecutions(), PublishedIds(), TakenEvents()
    platform = Platform(
        tenants=KnownTenants(),
        automations=MemoryAutomations(),
        executions=executions,
        publisher=published,
        events=events,
        signals=MemorySignals(),
        campaigns=MemoryCampaigns(),
        profiles=MemoryProfiles(),
        segments=MemorySegments(),
        analytics=MemoryAnalytics(),
        feed=DecisionHub(),
        internal_key="key-internal",
    )
    public = make_public_app(settings, platform, watch)
    internal = make_internal_app(settings, platform, watch)
    return App(
        TestClient(public, raise_server_exceptions=False),
        TestClient(internal),
        executions,
        published,
        events,
        exporter,
        lines,
        watch,
        errors,
        platform,
    )
