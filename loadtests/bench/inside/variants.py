"""`python -m inside.variants NAME`: one handler under different telemetry, each in a process of its own.

All have what the API's routes have besides telemetry: the tenant's key, the limit of a body, problem details.

bare          nothing
instrumented  what the API runs: the middleware, its log, error events, the direct OTLP encoder
official      the same with the SDK's batch processor and gRPC exporter
conventional  FastAPIInstrumentor, a BaseHTTPMiddleware for metrics and log, stdlib logging as JSON, Sentry's defaults
"""

import asyncio
import signal
import sys
from types import SimpleNamespace

import uvicorn
import uvloop
from fastapi import Depends, FastAPI
from inside.addresses import DSN, OTLP_GRPC, OTLP_HTTP, PORTS
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.responses import Response

from sample_app import problems, serving
from sample_app.auth import CurrentTenant
from sample_app.body_limit import BodyLimit, refuse_declared_size
from sample_app.settings import Settings
from sample_app.telemetry.errors import configure_errors
from sample_app.telemetry.logging import configure_logging
from sample_app.telemetry.metrics import RequestMetrics, exposition, make_registry
from sample_app.telemetry.middleware import Telemetry
from sample_app.telemetry.tracing import flush, make_provider
from sample_app.tenancy import Tenant


class Campaign(BaseModel):
    """What the handler returns."""

    id: int
    name: str
    status: str
    budget: float
    tags: list[str]


class OneTenant:
    """Knows every key, without a database."""

    async def by_key(self, _key: str) -> Tenant:
        """Return the tenant."""
        return Tenant(id="acme", enabled=True, key_label="acme-bench")


def make_app() -> FastAPI:
    """Return the application that every variant serves."""
    app = FastAPI(
        dependencies=[Depends(refuse_declared_size)],
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.platform = SimpleNamespace(tenants=OneTenant())
    problems.install(app)
    app.add_middleware(BodyLimit)

    @app.get("/api/v1/campaigns/{campaign_id}")
    async def campaign(campaign_id: int, _tenant: CurrentTenant) -> Campaign:
        return Campaign(id=campaign_id, name="spring sale", status="active", budget=12.5, tags=["a", "b"])

    return app


def expose(app: FastAPI, registry: CollectorRegistry) -> None:
    """Serve the metrics, so that counts can be read."""

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(exposition(registry, "")[0])


def _instrumented(*, official: bool) -> tuple[FastAPI, object]:
    settings = Settings(service="bench", sentry_dsn=DSN, otlp_endpoint="" if official else OTLP_HTTP)
    configure_logging(settings)
    configure_errors(settings)
    provider = make_provider(settings)
    if official:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        exporter = OTLPSpanExporter(endpoint=OTLP_GRPC, insecure=True)
        provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=200, max_queue_size=8192)
        )
    app, registry = make_app(), make_registry()
    expose(app, registry)
    app.add_middleware(Telemetry, metrics=RequestMetrics(registry), tracer=provider.get_tracer("sample_app"))
    return app, provider


async def _serve(app: FastAPI, port: int) -> None:
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, http="httptools", log_config=None, access_log=False, lifespan="off")
    )
    await server.serve()


def main(name: str) -> None:
    """Serve until told to stop, then send what waits, as the API does."""
    provider = None
    if name == "bare":
        app = make_app()
    elif name == "conventional":
        from inside.conventional import instrument  # noqa: PLC0415 - its imports alone change the process

        app = make_app()
        instrument(app)
    else:
        app, provider = _instrumented(official=name == "official")
        serving._settle_memory()  # noqa: SLF001 - as in production
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(app, PORTS[name]))
    if provider is not None:
        flush(provider)


if __name__ == "__main__":
    # uvicorn raises the signal again once it has stopped: that would end the process before it has flushed
    signal.signal(signal.SIGTERM, lambda *_: None)
    main(sys.argv[1])
