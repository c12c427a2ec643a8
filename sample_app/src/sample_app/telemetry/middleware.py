"""One ASGI layer for all signals of a request: span, metrics, line, error event.

One layer instead of four: each further one costs more than what it adds, and only one place
can know that the four agree.
"""

import asyncio
import re
import secrets
from dataclasses import dataclass
from time import perf_counter
from typing import Any, cast

import structlog
from opentelemetry import context as otel_context
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sample_app.problems import crash_response
from sample_app.telemetry import names
from sample_app.telemetry.context import SERVING, Serving
from sample_app.telemetry.errors import report
from sample_app.telemetry.metrics import RequestMetrics, clamp_method
from sample_app.telemetry.redaction import redact_text
from sample_app.telemetry.tracing import parent_from, record_error

_LOG = structlog.get_logger()
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
_MAX_PATH = 512


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request while it is served; no span where probes ask."""

    scope: Scope
    serving: Serving
    span: Span | None
    started: float
    agent: str


class Telemetry:
    """Watches every request of an application."""

    def __init__(self, app: ASGIApp, *, metrics: RequestMetrics, tracer: Tracer) -> None:
        """Wrap the application."""
        self._app = app
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and say so in every signal."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        headers = headers_of(scope)
        parent = parent_from(headers)
        quiet = scope["path"] in names.QUIET_PATHS
        serving = Serving(request_id_from(headers))
        span = None if quiet else self._begin(scope, parent)
        context = set_span_in_context(span, parent) if span else parent
        identity = get_current_span(context).get_span_context()
        serving.trace_id = f"{identity.trace_id:032x}" if identity.is_valid else secrets.token_hex(16)
        added = [(b"x-request-id", serving.request_id.encode()), (b"x-trace-id", serving.trace_id.encode())]
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        token = otel_context.attach(context)
        served = SERVING.set(serving)
        error: Exception | None = None
        try:
            await self._app(scope, receive, send_marked)
        except asyncio.CancelledError:
            status = status or 503  # the server stops and has waited long enough
            raise
        except Exception as caught:  # noqa: BLE001 - the last one who can catch it: reported, counted, answered
            error = caught
            if status == 0:
                await crash_response(serving)(scope, receive, send_marked)
            status = _SERVER_ERROR
        finally:
            exchange = _Exchange(scope, serving, span, started, headers.get("user-agent", ""))
            self._end(exchange, status or _SERVER_ERROR, error)
            SERVING.reset(served)
            otel_context.detach(token)

    def _begin(self, scope: Scope, parent: otel_context.Context) -> Span:
        """Begin the span without attributes: the SDK looks at each set of them anew, so they are set once, at the end."""
        name = scope["method"] if scope["method"] in names.METHODS else "HTTP"
        return self._tracer.start_span(name, parent, SpanKind.SERVER)

    def _end(self, exchange: _Exchange, status: int, error: Exception | None) -> None:
        scope, serving, span = exchange.scope, exchange.serving, exchange.span
        seconds = perf_counter() - exchange.started
        endpoint = endpoint_of(scope)
        method = clamp_method(scope["method"])
        kept = span is not None and span.is_recording()
        self._metrics.observe((method, endpoint, status), seconds, serving.trace_id if kept else None)
        if error is not None:
            report(error, endpoint=endpoint)
        if span is None:
            if error is not None:
                _LOG.error("health_check_crashed", endpoint=endpoint, exc_info=error)
            return
        if span.is_recording():
            span.update_name(f"{method} {endpoint}")
            _describe(span, exchange, endpoint, status, error)
        span.end()
        say = (
            _LOG.error if status >= _SERVER_ERROR else _LOG.warning if status >= _CLIENT_ERROR else _LOG.info
        )
        fields: dict[str, Any] = {"exc_info": error} if error is not None else {}
        say(
            names.EVENT_REQUEST,
            method=method,
            path=_path(scope),
            endpoint=endpoint,
            status_code=status,
            duration_ms=round(seconds * 1000, 3),
            tenant_id=serving.tenant_id,
            user_id=serving.user_id,
            request_id=serving.request_id,
            trace_id=serving.trace_id,
            span_id=f"{span.get_span_context().span_id:016x}",
            **fields,
        )


def endpoint_of(scope: Scope) -> str:
    """Return the whole route template: `scope["route"].path` lacks the router's prefix in this FastAPI."""
    context = scope.get("fastapi", {}).get("effective_route_context")
    if context is None:
        context = scope.get("route")
    template = getattr(context, "path_format", None) or getattr(context, "path", None)
    return cast("str", template) if template else names.UNMATCHED


def _describe(span: Span, exchange: _Exchange, endpoint: str, status: int, error: Exception | None) -> None:
    scope, serving, client = exchange.scope, exchange.serving, exchange.scope.get("client")
    attributes: dict[str, str | int] = {
        "http.request.method": clamp_method(scope["method"]),
        "url.path": _path(scope),
        "url.scheme": scope.get("scheme", "http"),
        "client.address": client[0] if client else "",
        "user_agent.original": redact_text(exchange.agent)[:256],
        "http.route": endpoint,
        "http.response.status_code": status,
        "request_id": serving.request_id,
    }
    if serving.tenant_id is not None:
        attributes["tenant_id"] = serving.tenant_id
    span.set_attributes(attributes)
    if error is not None:
        record_error(span, error)
    elif status >= _SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers that telemetry reads; no tracestate, whose free text would be kept with every span."""
    wanted = (b"traceparent", b"x-request-id", b"user-agent")
    return {key.decode(): value.decode("latin-1") for key, value in scope["headers"] if key in wanted}


def request_id_from(headers: dict[str, str]) -> str:
    """Return the caller's request id, or a new one where it is missing or unfit."""
    given = headers.get("x-request-id", "")
    if _REQUEST_ID.fullmatch(given) and redact_text(given) == given:
        return given
    return secrets.token_hex(16)


def _path(scope: Scope) -> str:
    return redact_text(scope["path"][:_MAX_PATH])
