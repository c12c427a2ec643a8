"""Telemetry as it is usually put together from packages: what ours is compared with."""

import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable

import sentry_sdk
from fastapi import FastAPI, Request, Response
from inside.addresses import DSN, OTLP_GRPC
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import Counter, Histogram
from starlette.middleware.base import BaseHTTPMiddleware

_LOG = logging.getLogger("conventional")
_LABELS = ("method", "endpoint", "status_code")
_COUNT = Counter("api_requests_total", "Requests", _LABELS)
_DURATION = Histogram("api_request_duration_seconds", "Duration", _LABELS)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(line)


async def _observe(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    started = time.perf_counter()
    response = await call_next(request)
    seconds = time.perf_counter() - started
    route = getattr(request.scope.get("route"), "path", "unmatched")
    labels = (request.method, route, str(response.status_code))
    _COUNT.labels(*labels).inc()
    _DURATION.labels(*labels).observe(seconds)
    span = trace.get_current_span().get_span_context()
    fields = {
        "method": request.method,
        "path": request.url.path,
        "endpoint": route,
        "status_code": response.status_code,
        "duration_ms": round(seconds * 1000, 3),
        "request_id": request.headers.get("x-request-id"),
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
    }
    _LOG.info("api_request", extra={"fields": fields})
    return response


def instrument(app: FastAPI) -> None:
    """Add all of it, each package as it comes."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Json())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    sentry_sdk.init(dsn=DSN)
    provider = TracerProvider(resource=Resource.create({"service.name": "conventional"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=OTLP_GRPC, insecure=True)))
    trace.set_tracer_provider(provider)
    app.add_middleware(BaseHTTPMiddleware, dispatch=_observe)
    FastAPIInstrumentor.instrument_app(app)
