"""WebSockets in the signals: how many are open, a line when one ends, an error event when one breaks.

A layer of the ASGI application, since FastAPI's HTTP middleware never sees a WebSocket;
each connection that was counted is uncounted in `finally`, however it ends.
"""

import secrets
from contextlib import suppress
from time import perf_counter

import structlog
from opentelemetry import trace
from prometheus_client import Gauge
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from sample_app.telemetry import names
from sample_app.telemetry.context import SERVING, Serving
from sample_app.telemetry.errors import report
from sample_app.telemetry.middleware import headers_of, request_id_from
from sample_app.telemetry.tracing import parent_from

_LOG = structlog.get_logger()
_ABNORMAL = 1006
_INTERNAL_ERROR = 1011


class Connections:
    """Watches every WebSocket of an application."""

    def __init__(self, app: ASGIApp, *, active: Gauge) -> None:
        """Wrap the application."""
        self._app = app
        self._active = active

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; a refused one was never active."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        headers = headers_of(scope)
        serving = Serving(request_id_from(headers), trace_id=_trace_id(headers))
        started, accepted, code = perf_counter(), False, _ABNORMAL

        async def receive_watched() -> Message:
            nonlocal code
            message = await receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code", _ABNORMAL)
            return message

        async def send_watched(message: Message) -> None:
            nonlocal accepted, code
            if message["type"] == "websocket.accept":
                ids = [(b"x-request-id", serving.request_id.encode())]
                message["headers"] = [*message.get("headers", ()), *ids]
            await _send(send, message)
            if message["type"] == "websocket.accept":
                accepted = True
                self._active.inc()
            elif message["type"] == "websocket.close":
                code = message.get("code", 1000)

        served = SERVING.set(serving)
        error: Exception | None = None
        try:
            with suppress(WebSocketDisconnect):
                await self._app(scope, receive_watched, send_watched)
        except Exception as caught:
            error, code = caught, _INTERNAL_ERROR
            report(caught, endpoint=_endpoint(scope))
            raise
        finally:
            if accepted:
                self._active.dec()
            say = _LOG.info if error is None else _LOG.error
            say(
                names.EVENT_CONNECTION,
                endpoint=_endpoint(scope),
                accepted=accepted,
                close_code=code if accepted else None,
                duration_ms=round((perf_counter() - started) * 1000, 3),
                user_id=serving.user_id,
                trace_id=serving.trace_id,
                exc_info=error,
            )
            SERVING.reset(served)


async def _send(send: Send, message: Message) -> None:
    """Send, or say that nobody is there any more: before it has accepted, Starlette takes uvicorn's word for an error."""
    try:
        await send(message)
    except OSError as error:
        raise WebSocketDisconnect(_ABNORMAL) from error


def _endpoint(scope: Scope) -> str:
    """Return the route's whole template; a WebSocket's route knows its prefix, other than a request's."""
    return str(getattr(scope.get("route"), "path", names.UNMATCHED))


def _trace_id(headers: dict[str, str]) -> str:
    caller = trace.get_current_span(parent_from(headers)).get_span_context()
    return f"{caller.trace_id:032x}" if caller.is_valid else secrets.token_hex(16)
