"""Our OTLP equals the official one byte for byte, and its sender loses nothing that it could keep."""
# ruff: noqa: D102 - the classes describe their methods

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from harness.eventually import Probe, eventually
from sample_app.telemetry.otlp.collector import Collector
from sample_app.telemetry.otlp.encoding import encode_request, encode_span
from sample_app.telemetry.otlp.sender import SpanSender
from unit.sample_app.doubles import Lines

TEXT = st.text(st.characters(codec="utf-8"))
SCALARS = TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary() | st.none()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner).map(tuple) | st.dictionaries(TEXT, inner), max_leaves=6
)
ATTRIBUTES = st.none() | st.dictionaries(TEXT, VALUES, max_size=6)
TIMES = st.none() | st.integers(0, 2**63)
CONTEXTS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    is_remote=st.booleans(),
    trace_flags=st.sampled_from([TraceFlags(0), TraceFlags(1)]),
    trace_state=st.sampled_from([TraceState(), TraceState([("vendor", "a"), ("other", "b")])]),
)
SCOPES = st.none() | st.builds(
    InstrumentationScope,
    TEXT,
    st.none() | TEXT,
    st.none() | TEXT,
    st.dictionaries(TEXT, SCALARS.filter(lambda value: value is not None), max_size=2),
)
RESOURCES = st.builds(
    Resource, st.dictionaries(TEXT.filter(bool), TEXT | st.integers(0, 9)), st.none() | TEXT
)
STATUSES = st.builds(Status, st.just(StatusCode.ERROR), st.none() | TEXT) | st.sampled_from(
    [Status(StatusCode.UNSET), Status(StatusCode.OK)]
)


@st.composite
def spans(draw: Callable[[Any], Any], resource: Resource) -> ReadableSpan:
    return ReadableSpan(
        name=draw(TEXT),
        context=draw(CONTEXTS),
        parent=draw(st.none() | CONTEXTS),
        resource=resource,
        attributes=draw(ATTRIBUTES),
        events=draw(st.lists(st.builds(Event, TEXT, ATTRIBUTES, st.integers(0, 2**63)), max_size=3)),
        links=draw(st.lists(st.builds(Link, CONTEXTS, ATTRIBUTES), max_size=3)),
        kind=draw(st.sampled_from(SpanKind)),
        status=draw(STATUSES),
        start_time=draw(TIMES),
        end_time=draw(TIMES),
        instrumentation_scope=draw(SCOPES),
    )


def ours(batch: list[ReadableSpan]) -> bytes:
    return encode_request(
        batch[0].resource, [(span.instrumentation_scope, encode_span(span)) for span in batch]
    )


@rules(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_span_is_encoded_as_the_official_encoder_does(data: st.DataObject) -> None:
    batch = data.draw(st.lists(spans(data.draw(RESOURCES)), min_size=1, max_size=4))

    assert ours(batch) == encode_spans(batch).SerializeToString()


def test_what_the_sdk_dropped_is_told() -> None:
    kept: list[ReadableSpan] = []
    provider, sender = TracerProvider(shutdown_on_exit=False), Keeper(kept)
    provider.add_span_processor(sender)
    with provider.get_tracer("full", "1").start_as_current_span("full") as span:
        span.set_attributes({f"key-{i}": i for i in range(200)})
        for i in range(200):
            span.add_event(f"event-{i}", {f"key-{j}": j for j in range(130)})
            span.add_link(SpanContext(i + 1, i + 1, is_remote=True), {"number": i})

    assert (kept[0].dropped_attributes, kept[0].dropped_events, kept[0].dropped_links) == (72, 72, 72)
    assert ours(kept) == encode_spans(kept).SerializeToString()


def test_a_number_beyond_64_bits_becomes_text() -> None:
    kept: list[ReadableSpan] = []
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Keeper(kept))
    provider.get_tracer("large").start_span("large", attributes={"number": 2**70}).end()

    request = ExportTraceServiceRequest.FromString(ours(kept))
    [attribute] = request.resource_spans[0].scope_spans[0].spans[0].attributes
    assert attribute.value.string_value == str(2**70)


def said(lines: Lines, event: str) -> None:
    def something(seen: list[dict[str, Any]]) -> None:
        assert seen

    eventually(Probe(event, "memory", lambda: lines.named(event)), something, within=10)


class Keeper(SpanProcessor):
    """Keeps what it is given."""

    def __init__(self, kept: list[ReadableSpan]) -> None:
        self._kept = kept

    def on_end(self, span: ReadableSpan) -> None:
        self._kept.append(span)


@dataclass
class Sink:
    """A Collector that answers as it is told, and remembers the span names it took."""

    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    asked: int = 0
    port: int = 0

    def answer(self, body: bytes) -> int:
        self.asked += 1
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.taken += [span.name for scope in one.scope_spans for span in scope.spans]
        return status

    def wait_for(self, names: list[str]) -> None:
        def all_of_them(seen: list[str]) -> None:
            assert seen == names

        eventually(Probe("spans at the sink", "memory", lambda: list(self.taken)), all_of_them, within=10)


@contextmanager
def listening(sink: Sink) -> Iterator[ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            status = sink.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            for key, value in sink.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", sink.port), Handler)
    sink.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sending_to(sink: Sink, *, limit: int = 8_192, shutdown_seconds: float = 30) -> TracerProvider:
    provider = TracerProvider(resource=Resource({"service.name": "unit"}), shutdown_on_exit=False)
    collector = Collector(f"http://127.0.0.1:{sink.port}", timeout=30)
    provider.add_span_processor(
        SpanSender(
            provider.resource, collector, limit=limit, every_seconds=0.01, shutdown_seconds=shutdown_seconds
        )
    )
    return provider


def end_spans(provider: TracerProvider, *names: str) -> list[str]:
    for name in names:
        provider.get_tracer("unit").start_span(name).end()
    return list(names)


def test_spans_arrive_once_without_waiting_for_a_full_batch() -> None:
    sink = Sink()
    with listening(sink):
        provider = sending_to(sink)
        sent = end_spans(provider, "one", "two")
        sink.wait_for(sent)
        provider.shutdown()

    assert sink.taken == sent


def test_what_the_collector_puts_off_is_sent_again_and_kept_once(lines: Lines) -> None:
    sink = Sink(answers=[503, 429, 502, 200])
    with listening(sink):
        provider = sending_to(sink)
        sent = end_spans(provider, "put off")
        sink.wait_for(sent)
        provider.shutdown()

    assert (sink.taken, sink.asked) == (sent, 4)
    assert [line["event"] for line in lines.all()] == ["collector_unreachable"]


def test_what_the_collector_refuses_is_not_sent_again(lines: Lines) -> None:
    sink = Sink(answers=[400])
    with listening(sink):
        provider = sending_to(sink)
        end_spans(provider, "refused")
        said(lines, "spans_refused")
        sent = end_spans(provider, "next")
        provider.shutdown()

    assert (sink.taken, sink.asked) == (sent, 2)


def test_the_wait_that_the_collector_asks_for_is_kept() -> None:
    sink = Sink(answers=[429], headers={"Retry-After": "1"})
    with listening(sink):
        provider = sending_to(sink)
        started = time.monotonic()
        sent = end_spans(provider, "patient")
        sink.wait_for(sent)
        provider.shutdown()

    assert time.monotonic() - started >= 1


def test_an_outage_loses_no_span_that_the_queue_holds(lines: Lines) -> None:
    sink = Sink()
    with listening(sink):
        pass  # a port where nobody listens
    provider = sending_to(sink)
    sent = end_spans(provider, *(f"span-{i}" for i in range(1_500)))
    said(lines, "collector_unreachable")
    with listening(sink):
        sink.wait_for(sent)
        provider.shutdown()

    assert sink.taken == sent
    assert lines.named("spans_lost") == []


def test_the_queue_is_bounded_and_says_what_it_lost(lines: Lines) -> None:
    sink = Sink()
    with listening(sink):
        pass
    provider = sending_to(sink, limit=10)
    sent = end_spans(provider, *(f"span-{i}" for i in range(25)))
    with listening(sink):
        sink.wait_for(sent[:10])
        provider.shutdown()

    assert sink.taken == sent[:10]
    assert sum(line["count"] for line in lines.named("spans_lost")) == 15


def test_shutdown_sends_what_waits_in_batches() -> None:
    sink = Sink()
    with listening(sink):
        provider = sending_to(sink)
        sent = end_spans(provider, *(f"span-{i}" for i in range(2_000)))
        provider.shutdown()
        end_spans(provider, "too late")

    assert sink.taken == sent


def test_shutdown_does_not_wait_for_an_absent_collector(lines: Lines) -> None:
    sink = Sink()
    with listening(sink):
        pass
    provider = sending_to(sink, shutdown_seconds=0.3)
    end_spans(provider, "lost")
    started = time.monotonic()
    provider.shutdown()

    assert time.monotonic() - started < 20
    assert [line["count"] for line in lines.named("spans_lost")] == [1]


def test_a_collector_that_returns_during_shutdown_still_gets_the_spans() -> None:
    sink = Sink(answers=[503] * 5)
    with listening(sink):
        provider = sending_to(sink, shutdown_seconds=20)
        sent = end_spans(provider, "last words")
        provider.shutdown()

        assert sink.taken == sent


def test_a_trace_that_is_not_kept_is_not_sent() -> None:
    sink = Sink()
    with listening(sink):
        provider = sending_to(sink)
        dropped = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(0))
        parent = set_span_in_context(NonRecordingSpan(dropped))
        provider.get_tracer("unit").start_span("not kept", parent).end()
        provider.shutdown()

    assert sink.asked == 0


@pytest.mark.parametrize(
    ("endpoint", "path"), [("http://c:1", "/v1/traces"), ("http://c:1/p/", "/p/v1/traces")]
)
def test_the_endpoint_is_a_base_address(endpoint: str, path: str) -> None:
    assert Collector(endpoint, timeout=1)._path == path
