"""Telemetry of Celery tasks: context crosses in message headers, so one trace spans the queue.

Our own lines, since opentelemetry-instrumentation-celery never ends the span of a task that is sent by name,
as the API sends them, and begins a trace for each turn of the scheduler.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from opentelemetry.trace import SpanKind, Tracer

from sample_app.telemetry import names
from sample_app.telemetry.context import SERVING, Serving
from sample_app.telemetry.tracing import headers_of_current_span, parent_from, span

_SYSTEM = {"messaging.system": "celery", "messaging.destination.name": names.QUEUE}


@contextmanager
def publishing(tracer: Tracer, task_name: str) -> Iterator[dict[str, str]]:
    """Yield the headers that a message must carry; the block sends it."""
    serving = SERVING.get()
    attributes = {**_SYSTEM, "messaging.operation.type": "send"}
    with span(tracer, f"{names.SPAN_PUBLISH}/{task_name}", attributes, kind=SpanKind.PRODUCER):
        headers = headers_of_current_span()
        if serving is not None:
            headers["request_id"] = serving.request_id
            if (
                serving.tenant_id is not None
            ):  # a task that fails before it has read its row says whose it was
                headers["tenant_id"] = serving.tenant_id
        yield headers


@contextmanager
def running(tracer: Tracer, request: Any) -> Iterator[Serving]:  # noqa: ANN401 - Celery's task.request
    """Run a task inside its caller's trace; one without a caller, as the scheduler's, is not traced."""
    headers = {key: value for key in ("traceparent", "tracestate") if (value := getattr(request, key, None))}
    request_id = getattr(request, "request_id", None) or uuid4().hex
    serving = Serving(request_id, tenant_id=getattr(request, "tenant_id", None))
    token = SERVING.set(serving)
    try:
        if "traceparent" not in headers:
            yield serving
            return
        attributes = {
            **_SYSTEM,
            "messaging.operation.type": "process",
            "messaging.message.id": request.id,
            "request_id": serving.request_id,
        }
        if request.retries:
            attributes["celery.retries"] = request.retries
        name = f"{names.SPAN_RUN}/{request.task}"
        parent = parent_from(headers)
        with span(tracer, name, attributes, kind=SpanKind.CONSUMER, parent=parent) as current:
            serving.trace_id = f"{current.get_span_context().trace_id:032x}"
            yield serving
    finally:
        SERVING.reset(token)
