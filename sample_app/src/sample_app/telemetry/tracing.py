"""Spans: one provider per process, made after any fork and flushed before the process ends."""

import math
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from sample_app.settings import Settings
from sample_app.telemetry.otlp.collector import Collector
from sample_app.telemetry.otlp.sender import SpanSender
from sample_app.telemetry.redaction import redact_text

FLUSH_SECONDS = 2.0
# What a process holds of its spans while the Collector is away; tests/resilience computes from this what may be lost.
QUEUE_SIZE = 8_192
BATCH_SIZE = 512
SCHEDULE_DELAY_MS = 200  # a span is readable well within a second
EXPORT_SECONDS = 5.0
PATIENCE_SECONDS = (
    math.inf
)  # a batch is tried until it is taken or the process ends: only a full queue loses spans
_MAX_STACKTRACE = 8_000
_USUAL_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_PROPAGATOR = TraceContextTextMapPropagator()


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
        shutdown_on_exit=False,  # flush() does
    )
    if settings.otlp_endpoint:
        collector = Collector(settings.otlp_endpoint, timeout=EXPORT_SECONDS)
        provider.add_span_processor(
            SpanSender(
                provider.resource,
                collector,
                limit=QUEUE_SIZE,
                batch=BATCH_SIZE,
                every_seconds=SCHEDULE_DELAY_MS / 1000,
                shutdown_seconds=FLUSH_SECONDS,
            )
        )
    return provider


def flush(provider: TracerProvider) -> None:
    """Send what is waiting, for two seconds and no longer: an absent Collector must not hold up a stop."""
    provider.shutdown()


def parent_from(headers: Mapping[str, str]) -> otel_context.Context:
    """Return the context that a caller's `traceparent` names, or an empty one.

    The usual header is read here, at a third of the propagator's cost; it reads whatever is unusual.
    """
    given = headers.get("traceparent")
    if given is None:
        return otel_context.Context()
    usual = None if headers.get("tracestate") else _USUAL_PARENT.fullmatch(given)
    if usual is None:
        return _PROPAGATOR.extract(headers, otel_context.Context())
    trace_id, span_id, flags = usual.groups()
    caller = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    if not caller.is_valid:
        return otel_context.Context()
    return trace.set_span_in_context(NonRecordingSpan(caller), otel_context.Context())


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
    links: Sequence[Link] | None = None,
) -> Iterator[Span]:
    """Run the block inside a span that records how it failed."""
    current = tracer.start_span(name, parent, kind, attributes, links)
    # what trace.use_span does, at half its cost: this is around every statement and every task
    token = otel_context.attach(trace.set_span_in_context(current))
    try:
        yield current
    except Exception as error:
        record_error(current, error)
        raise
    finally:
        otel_context.detach(token)
        current.end()
