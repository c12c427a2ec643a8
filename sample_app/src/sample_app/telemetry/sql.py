"""A span for each statement, and a count of slow ones, on the asynchronous and the synchronous engine alike.

Our own lines, since opentelemetry-instrumentation-sqlalchemy differs in three points that matter here:
it begins a trace for every statement without a parent (each probe, each turn of the scheduler),
it copies the driver's error text, which quotes values, onto the span, and it names spans without the table.
"""

import re
from functools import lru_cache
from time import perf_counter
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from prometheus_client import Counter
from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection, ExceptionContext

_SPAN = "_stratum_span"
_STARTED = "_stratum_started"
_SLOW_SECONDS = 1.0
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+\"?(\w+)", re.IGNORECASE)
_MAX_TEXT = 2_000


def trace_statements(engine: Engine, tracer: Tracer) -> None:
    """Make every statement of the engine a child of the span that runs it."""
    constant: dict[str, str | int] = {
        "db.system.name": "postgresql",
        "db.namespace": engine.url.database or "",
        "server.address": engine.url.host or "",
        "server.port": engine.url.port or 5432,
    }

    def before(
        _connection: Connection,
        _cursor: Any,  # noqa: ANN401 - the driver's
        statement: str,
        _parameters: Any,  # noqa: ANN401 - never looked at: they are values
        context: Any,  # noqa: ANN401 - a private class of the dialect
        _many: bool,  # noqa: FBT001
    ) -> None:
        if not trace.get_current_span().is_recording():
            return
        name, operation = _describe(statement)
        attributes = {**constant, "db.operation.name": operation, "db.query.text": statement[:_MAX_TEXT]}
        setattr(context, _SPAN, tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes))

    def after(
        _connection: Connection,
        _cursor: Any,  # noqa: ANN401
        _statement: str,
        _parameters: Any,  # noqa: ANN401
        context: Any,  # noqa: ANN401
        _many: bool,  # noqa: FBT001
    ) -> None:
        span: Span | None = getattr(context, _SPAN, None)
        if span is not None:
            span.end()

    def failed(context: ExceptionContext) -> None:
        span: Span | None = getattr(context.execution_context, _SPAN, None)
        if span is not None:
            error = type(context.original_exception).__name__
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR, error))
            span.end()

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)


def count_slow_statements(engine: Engine, slow: Counter, *, above_seconds: float = _SLOW_SECONDS) -> None:
    """Count statements that take longer, those that fail included: the slowest are cut off by a time-out."""

    def before(*arguments: Any) -> None:  # noqa: ANN401 - connection, cursor, statement, parameters, context, many
        setattr(arguments[4], _STARTED, perf_counter())

    def after(*arguments: Any) -> None:  # noqa: ANN401 - the same
        judge(arguments[4])

    def failed(context: ExceptionContext) -> None:
        judge(context.execution_context)

    def judge(context: Any) -> None:  # noqa: ANN401 - a private class of the dialect
        started: float | None = getattr(context, _STARTED, None)
        if started is not None and perf_counter() - started > above_seconds:
            slow.inc()

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)


@lru_cache(maxsize=512)
def _describe(statement: str) -> tuple[str, str]:
    words = statement.split(maxsplit=1)
    operation = words[0].upper() if words else "SQL"
    table = _TABLE.search(statement)
    return (f"{operation} {table.group(1)}" if table else operation), operation
