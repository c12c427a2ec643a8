"""Encodes each span as it ends and sends them in batches from a thread of its own.

A span is encoded by whoever ends it: the thread then only joins and sends bytes, so it never holds up requests
for the milliseconds that encoding a batch takes, and what waits are bytes, which the garbage collector does not visit.

A request that was lost on the way back is sent twice; the stores keep one span for an id.
"""

import random
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Protocol

import structlog
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from sample_app.telemetry.otlp.collector import Answer
from sample_app.telemetry.otlp.encoding import encode_request, encode_span

if TYPE_CHECKING:
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_LOG = structlog.get_logger()
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_LONGEST_WISH_SECONDS = 30.0


class Destination(Protocol):
    """Where requests go."""

    def post(self, body: bytes) -> Answer:
        """Send one request."""

    def close(self) -> None:
        """Hang up."""


class SpanSender(SpanProcessor):
    """Keeps ended spans until the Collector has them: so many, and at shutdown for so long."""

    def __init__(
        self,
        resource: Resource,
        collector: Destination,
        *,
        limit: int,
        batch: int = 512,
        every_seconds: float = 0.2,
        shutdown_seconds: float = 2.0,
    ) -> None:
        """Begin without a thread: it starts with the first span, so a fork before that harms nothing."""
        self._resource = resource
        self._collector = collector
        self._limit = limit
        self._batch = batch
        self._every = every_seconds
        self._shutdown_seconds = shutdown_seconds
        self._waiting: deque[tuple[InstrumentationScope | None, bytes]] = deque()
        self._dropped = 0
        self._full_batch = threading.Event()
        self._stop = threading.Event()
        self._deadline = float("inf")
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span; beyond the limit it is counted and dropped, and nobody waits."""
        if span.context is None or not span.context.trace_flags.sampled or self._stop.is_set():
            return
        if len(self._waiting) >= self._limit:
            self._dropped += 1
            return
        self._waiting.append((span.instrumentation_scope, encode_span(span)))
        if self._thread is None:
            self._start()
        if len(self._waiting) >= self._batch:
            self._full_batch.set()

    def shutdown(self) -> None:
        """Send what waits, within the time allowed: an absent Collector must not hold up a stop."""
        self._deadline = monotonic() + self._shutdown_seconds
        self._stop.set()
        self._full_batch.set()
        if self._thread is not None:
            self._thread.join(self._shutdown_seconds)
        if lost := len(self._waiting) + self._dropped:
            _LOG.warning("spans_lost", count=lost)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until nothing waits; tell whether that came true in time."""
        until = monotonic() + timeout_millis / 1000
        while self._waiting and monotonic() < until:
            self._full_batch.set()
            self._stop.wait(0.01)
        return not self._waiting

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="send-spans")
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._full_batch.wait(self._every)
            self._full_batch.clear()
            self._send_waiting()
        self._send_waiting()
        self._collector.close()

    def _send_waiting(self) -> None:
        """Send batch by batch; what has been sent leaves the queue only then, so it counts against the limit."""
        while self._waiting:
            batch = [self._waiting[i] for i in range(min(self._batch, len(self._waiting)))]
            if not self._deliver(encode_request(self._resource, batch)):
                return
            for _ in batch:
                self._waiting.popleft()

    def _deliver(self, body: bytes) -> bool:
        """Send one request until it is taken or refused for good; only the end of the process ends the attempts."""
        pause, attempts = _FIRST_PAUSE_SECONDS, 0
        while True:
            answer = self._collector.post(body)
            attempts += 1
            if answer.accepted:
                if self._dropped:
                    _LOG.warning("spans_lost", count=self._dropped, attempts=attempts)
                    self._dropped = 0
                return True
            if not answer.again:
                _LOG.warning("spans_refused", reason=answer.reason)
                return True
            if attempts == 2:  # noqa: PLR2004 - the first failure is a connection that had gone stale
                _LOG.warning("collector_unreachable", reason=answer.reason)
            wish = min(answer.after or 0.0, _LONGEST_WISH_SECONDS)
            wait = max(wish, pause * random.uniform(0.5, 1.0)) if attempts > 1 or wish else 0.0  # noqa: S311 - only to spread the load
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            if not self._may_wait(wait):
                return False

    def _may_wait(self, seconds: float) -> bool:
        """Pause; while stopping, only as long as there is time for one more attempt."""
        if not self._stop.wait(seconds):
            return True
        left = self._deadline - monotonic()
        if left <= 0:
            return False
        threading.Event().wait(min(_FIRST_PAUSE_SECONDS, left))
        return monotonic() < self._deadline
