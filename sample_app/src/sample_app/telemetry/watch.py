"""What an application reports to: made once per process, handed to its routes by FastAPI."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry, Counter
from starlette.requests import HTTPConnection

from sample_app.telemetry.metrics import RequestMetrics, make_registry
from sample_app.telemetry.platform_metrics import PlatformMetrics
from sample_app.telemetry.vitals import DependencyMetrics, make_slow_statements


@dataclass(frozen=True)
class Watch:
    """One registry, and what is counted and traced."""

    registry: CollectorRegistry
    metrics: RequestMetrics
    platform: PlatformMetrics
    dependencies: DependencyMetrics
    slow_statements: Counter
    tracer: Tracer

    @classmethod
    def with_tracer(cls, tracer: Tracer) -> "Watch":
        """Return a fresh registry beside a tracer."""
        registry = make_registry()
        return cls(
            registry,
            RequestMetrics(registry),
            PlatformMetrics(registry),
            DependencyMetrics(registry),
            make_slow_statements(registry),
            tracer,
        )


def watch_of(connection: HTTPConnection) -> Watch:
    """Return what the application was made with."""
    return cast("Watch", connection.app.state.watch)


TheWatch = Annotated[Watch, Depends(watch_of)]
