"""What the inbox counts: notifications that arrived, requests answered, and when the Watchdog was heard.

``inbox_notifications_total`` is the far end of every alert. Each of its label sets exists from the start, at 0, so that
the first notification already shows as an increase.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inbox.notifications import KIND_OF, Received, Status

_STATUSES: tuple[Status, ...] = ("firing", "acknowledged", "resolved")


class Metrics:
    """The counters of one inbox, in a registry of their own."""

    def __init__(self) -> None:
        # A creation time beside each counter would double the series, and nobody reads it.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's function has no types
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._notifications = Counter(
            "inbox_notifications",
            "Notifications received and kept.",
            ("receiver", "kind", "status"),
            registry=self._registry,
        )
        self._requests = Counter(
            "inbox_requests",
            "Requests answered, refused ones included.",
            ("endpoint", "status_code"),
            registry=self._registry,
        )
        self._watchdog_heard = Gauge(
            "inbox_watchdog_heard_timestamp_seconds",
            "When the Watchdog was last heard; 0 if never.",
            registry=self._registry,
        )
        self._watchdog_silent = Gauge(
            "inbox_watchdog_silent",
            "1 while the dead man's switch is raised, since the Watchdog is not heard.",
            registry=self._registry,
        )
        for receiver, kind in KIND_OF.items():
            for status in _STATUSES:
                self._notifications.labels(receiver, kind, status)

    def count(self, received: Received) -> None:
        """Count a notification that is kept."""
        self._notifications.labels(received.receiver, received.kind, received.status).inc()

    def watchdog(self, *, heard_at: float, is_silent: bool) -> None:
        """Say what the dead man's switch knows."""
        self._watchdog_heard.set(heard_at)
        self._watchdog_silent.set(is_silent)

    def count_request(self, endpoint: str, status_code: int) -> None:
        """Count an answer; ``endpoint`` is the route, never the path, which may hold a secret."""
        self._requests.labels(endpoint, str(status_code)).inc()

    def page(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self._registry)


class CountRequests:
    """Count every answer by its route. Pure ASGI, so that nothing is buffered on the way."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status_code = 500  # what the server answers when the application raises before it answers

        async def remember(message: Message) -> None:
            nonlocal status_code
            if message["type"] == "http.response.start":
                status_code = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, remember)
        finally:
            self._metrics.count_request(getattr(scope.get("route"), "path", "unmatched"), status_code)
