"""A failing ad platform: tried again where that helps, said at the right level, counted by what went wrong."""

from collections.abc import Callable
from uuid import UUID

import httpx2
import pytest
import stamina
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from prometheus_client import CollectorRegistry

from sample_app.integrations.client import AdPlatforms, Order
from sample_app.integrations.metrics import IntegrationMetrics
from sample_app.telemetry import names
from sample_app.telemetry.context import SERVING, Serving
from unit.sample_app.doubles import EventList, Lines

ORDER = Order("meta", "acme", 1001, "budget_shift", UUID(int=7))

Answer = Callable[[httpx2.Request], httpx2.Response]


class Scripted:
    """A platform that answers as it is told, one answer after the other; the last one for ever."""

    def __init__(self, *answers: int | Exception, headers: dict[str, str] | None = None) -> None:
        self._answers = list(answers)
        self._headers = headers
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Note the request, and answer."""
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer, text="token=hunter2secret", headers=self._headers)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def ask(
    tracer: Tracer,
    registry: CollectorRegistry,
    lines: Lines,  # noqa: ARG001 - said and reported into lists
    errors: EventList,  # noqa: ARG001
) -> Callable[[Scripted], bool]:
    """Carry out one order on a platform, without waiting between attempts."""

    def carry_out(platform: Scripted) -> bool:
        transport = httpx2.MockTransport(platform)
        platforms = AdPlatforms(tracer, IntegrationMetrics(registry), url="http://p", transport=transport)
        token = SERVING.set(Serving("req-7", tenant_id="acme"))
        try:
            with stamina.set_testing(testing=True, attempts=4):
                return platforms.carry_out(ORDER)
        finally:
            SERVING.reset(token)

    return carry_out


def failures(registry: CollectorRegistry, error_class: str) -> float | None:
    labels = {"platform": "meta", "tenant_id": "acme", "error_class": error_class}
    return registry.get_sample_value("integration_failures_total", labels)


def test_a_platform_that_answers_is_asked_once_and_nothing_is_said(
    ask: Callable[[Scripted], bool], lines: Lines, errors: EventList
) -> None:
    platform = Scripted(200)

    assert ask(platform)
    assert len(platform.requests) == 1
    assert lines.named("integration_failure") == []
    assert errors.events == []


def test_an_attempt_that_is_followed_by_another_is_a_warning(
    ask: Callable[[Scripted], bool], lines: Lines, errors: EventList, registry: CollectorRegistry
) -> None:
    assert ask(Scripted(503, 503, 200))

    said = lines.named("integration_failure")
    assert [(line["level"], line["retry_attempt"]) for line in said] == [("warning", 1), ("warning", 2)]
    assert failures(registry, "server_error") == 2
    assert errors.events == []


def test_the_last_attempt_is_an_error_and_one_event(
    ask: Callable[[Scripted], bool], lines: Lines, errors: EventList, registry: CollectorRegistry
) -> None:
    assert not ask(Scripted(503))

    said = lines.named("integration_failure")
    assert [line["level"] for line in said] == ["warning", "warning", "warning", "error"]
    assert said[-1]["retry_attempt"] == 4
    assert failures(registry, "server_error") == 4
    assert [event["tags"]["request_id"] for event in errors.events] == ["req-7"]


def test_the_line_has_the_fields_of_the_clients_document_and_no_secret(
    ask: Callable[[Scripted], bool], lines: Lines
) -> None:
    ask(Scripted(400))

    (line,) = lines.named("integration_failure")
    assert (line["platform"], line["tenant_id"], line["error_code"], line["request_id"]) == (
        "meta",
        "acme",
        "400",
        "req-7",
    )
    assert "exception" in line
    assert "hunter2secret" not in str(line)


@pytest.mark.parametrize(
    ("answer", "error_class", "attempts"),
    [
        (500, "server_error", 4),
        (429, "rate_limited", 4),
        (httpx2.ReadTimeout("slow"), "timeout", 4),
        (httpx2.ConnectError("refused"), "unreachable", 4),
        (400, "rejected", 1),
        (404, "rejected", 1),
        (307, "rejected", 1),  # a door, and nobody has gone through it
        (httpx2.DecodingError("not gzip"), "unreachable", 4),
    ],
)
def test_what_went_wrong_decides_whether_it_is_tried_again(
    answer: int | Exception,
    error_class: str,
    attempts: int,
    ask: Callable[[Scripted], bool],
    registry: CollectorRegistry,
) -> None:
    platform = Scripted(answer)

    assert not ask(platform)
    assert len(platform.requests) == attempts
    assert failures(registry, error_class) == attempts


def test_every_attempt_is_a_span_and_carries_the_trace_and_one_key(
    ask: Callable[[Scripted], bool], exporter: InMemorySpanExporter
) -> None:
    platform = Scripted(503, 200)
    ask(platform)

    spans = exporter.get_finished_spans()
    assert [(span.name, span.kind) for span in spans] == [("POST meta", SpanKind.CLIENT)] * 2
    assert [span.status.status_code for span in spans] == [StatusCode.ERROR, StatusCode.UNSET]
    assert (spans[0].attributes or {})["error.type"] == "server_error"
    sent = [request.headers["traceparent"].split("-")[2] for request in platform.requests]
    assert sent == [f"{span.context.span_id:016x}" for span in spans]
    assert {request.headers["Idempotency-Key"] for request in platform.requests} == {str(UUID(int=7))}
    assert {request.headers["X-Request-ID"] for request in platform.requests} == {"req-7"}


def test_known_tenants_begin_at_zero(registry: CollectorRegistry) -> None:
    IntegrationMetrics(registry).expect(["acme"])

    assert all(failures(registry, error_class) == 0 for error_class in names.ERROR_CLASSES)
