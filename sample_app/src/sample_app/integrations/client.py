"""Asks an ad platform to carry out what was decided; tries again where that may help.

An attempt that will be followed by another is a WARNING, the last one an ERROR and an error event: the client's
document asks for both. Each attempt is a span and a count of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

import httpx2
import stamina
import structlog
from opentelemetry.trace import SpanKind, Tracer
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from sample_app.integrations.metrics import IntegrationMetrics
from sample_app.telemetry import names
from sample_app.telemetry.context import SERVING
from sample_app.telemetry.errors import report
from sample_app.telemetry.tracing import headers_of_current_span, span

_LOG = structlog.get_logger()
_ATTEMPTS = 4
_ATTEMPT_SECONDS = 1.5
_LONGEST_RETRY_AFTER = 5.0
_TRANSIENT = frozenset({"timeout", "unreachable", "rate_limited", "server_error"})


@dataclass(frozen=True)
class Order:
    """What a platform is asked to do, once, however often it is asked."""

    platform: str
    tenant_id: str
    automation_id: int
    automation_type: str
    execution_id: UUID


class IntegrationError(Exception):
    """A platform did not do what it was asked."""

    def __init__(
        self, order: Order, error_class: str, code: str, message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.order = order
        self.error_class = error_class
        self.code = code
        self.retry_after = retry_after


class AdPlatforms:
    """The platforms, as a worker's process reaches them."""

    def __init__(
        self,
        tracer: Tracer,
        metrics: IntegrationMetrics,
        *,
        url: str,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Call below this address; nothing connects before it is needed."""
        self._tracer = tracer
        self._metrics = metrics
        self._client = httpx2.Client(base_url=url, timeout=_ATTEMPT_SECONDS, transport=transport)
        set_on_retry_hooks([_say_that_it_is_tried_again])

    def carry_out(self, order: Order) -> bool:
        """Ask until it is done or hopeless; tell whether it was done."""
        try:
            for attempt in stamina.retry_context(
                _wait_before_retry,
                attempts=_ATTEMPTS,
                timeout=None,
                wait_initial=0.2,
                wait_max=2,
                wait_jitter=0.2,
            ):
                with attempt:
                    self._ask(order)
        except IntegrationError as error:
            _say(_LOG.error, error, attempt.num, exc_info=error)
            report(error, endpoint=f"{order.platform} integration")
            return False
        return True

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _ask(self, order: Order) -> None:
        attributes = {"http.request.method": "POST", "platform": order.platform, "tenant_id": order.tenant_id}
        with span(self._tracer, f"POST {order.platform}", attributes, kind=SpanKind.CLIENT) as current:
            try:
                status = self._send(order)
            except IntegrationError as error:
                self._metrics.failed(order.platform, order.tenant_id, error.error_class)
                current.set_attribute("error.type", error.error_class)
                raise
            current.set_attribute("http.response.status_code", status)

    def _send(self, order: Order) -> int:
        serving = SERVING.get()
        headers = {**headers_of_current_span(), "Idempotency-Key": str(order.execution_id)}
        if serving is not None:
            headers["X-Request-ID"] = serving.request_id
        body = {"automation_id": order.automation_id, "action": order.automation_type}
        try:
            answer = self._client.post(f"/{order.platform}/v1/actions", json=body, headers=headers)
        except httpx2.TimeoutException as error:
            raise IntegrationError(order, "timeout", type(error).__name__, "no answer in time") from error
        except httpx2.RequestError as error:  # no connection, no whole answer, or none that can be read
            raise IntegrationError(order, "unreachable", type(error).__name__, str(error)) from error
        if answer.is_success:  # a redirect is not: nobody has carried the order out
            return answer.status_code
        raise IntegrationError(
            order,
            _error_class(answer.status_code),
            str(answer.status_code),
            answer.text[:500],
            retry_after=_retry_after(answer.headers.get("Retry-After", "")),
        )


def _wait_before_retry(error: Exception) -> bool | float:
    """Tell stamina whether to try again, or after how many seconds the platform asks us to."""
    if not isinstance(error, IntegrationError) or error.error_class not in _TRANSIENT:
        return False
    return True if error.retry_after is None else min(error.retry_after, _LONGEST_RETRY_AFTER)


def _error_class(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limited"
    return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "rejected"


def _retry_after(header: str) -> float | None:
    return float(header) if header.isdecimal() else None


def _say_that_it_is_tried_again(details: RetryDetails) -> None:
    if isinstance(details.caused_by, IntegrationError):
        _say(_LOG.warning, details.caused_by, details.retry_num)


def _say(say: Callable[..., object], error: IntegrationError, attempt: int, **more: object) -> None:
    say(
        names.EVENT_INTEGRATION_FAILURE,
        platform=error.order.platform,
        tenant_id=error.order.tenant_id,
        automation_id=error.order.automation_id,
        execution_id=str(error.order.execution_id),
        error_class=error.error_class,
        error_code=error.code,
        error_message=str(error),
        retry_attempt=attempt,
        **more,
    )
