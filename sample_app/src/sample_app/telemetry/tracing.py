"""Spans: one provider per process, made after any fork and flushed before the process ends."""

import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from sample_app.settings import Settings
from sample_app.telemetry.redaction import redact_text

FLUSH_SECONDS = 2.0
# What a process holds of its spans while the Collector is away; tests/resilience computes from this what may be lost.
QUEUE_SIZE = 8_192
BATCH_SIZE = 512
SCHEDULE_DELAY_MS = 200  # a span is readable well within a second
EXPORT_SECONDS = 10.0
# a batch is tried again after 1, 2 and 4 s, each up to a fifth sooner; the next wait would end past EXPORT_SECONDS
PATIENCE_SECONDS = 0.8 * (1 + 2 + 4)
_MAX_STACKTRACE = 8_000
_PROPAGATOR = TraceContextTextMapPropagator()

# gRPC waits up to two minutes before it tries a Collector again that was away: a trace would be lost for as long
_CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


def make_provider(settings: Settings) -> TracerProvider:
    """Return the provider of this process; call it after the fork, never before."""
    provider = TracerProvider(
        resource=Resource.create(
            {
                "service.name": settings.service,
                "service.namespace": "stratum",
                "service.version": settings.release,
                "deployment.environment.name": settings.env,
            }
        ),
        sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio)),
        shutdown_on_exit=False,  # flush() does, and does not wait for half a minute
    )
    if settings.otlp_endpoint:
        exporter = OTLPSpanExporter(
            endpoint=settings.otlp_endpoint,
            timeout=EXPORT_SECONDS,
            channel_options=cast("Any", _CHANNEL),  # gRPC takes numbers too, whatever the annotation says
        )
        provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=QUEUE_SIZE,
                max_export_batch_size=BATCH_SIZE,
                schedule_delay_millis=SCHEDULE_DELAY_MS,
            )
        )
    return provider


def flush(provider: TracerProvider, seconds: float = FLUSH_SECONDS) -> None:
    """Send what is waiting, for so long and no longer: an absent Collector must not hold up a stop."""
    closing = threading.Thread(target=provider.shutdown, daemon=True, name="flush-spans")
    closing.start()
    closing.join(seconds)


def parent_from(headers: Mapping[str, str]) -> otel_context.Context:
    """Return the context that a caller's `traceparent` names, or an empty one."""
    if "traceparent" not in headers:
        return otel_context.Context()
    return _PROPAGATOR.extract(headers, otel_context.Context())


def headers_of_current_span() -> dict[str, str]:
    """Return what a message must carry so that its consumer joins this trace."""
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    return headers


def record_error(span: Span, error: BaseException) -> None:
    """Put an exception on a span, without the secrets that its text may hold."""
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
    stack = redact_text("".join(traceback.format_exception(error)))
    span.add_event(
        "exception",
        {
            "exception.type": type(error).__qualname__,
            "exception.message": redact_text(str(error))[:1_000],
            "exception.stacktrace": stack[-_MAX_STACKTRACE:],
        },
    )


@contextmanager
def span(
    tracer: Tracer,
    name: str,
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: otel_context.Context | None = None,
) -> Iterator[Span]:
    """Run the block inside a span that records how it failed."""
    current = tracer.start_span(name, parent, kind, attributes)
    with trace.use_span(current, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield current
        except Exception as error:
            record_error(current, error)
            raise
