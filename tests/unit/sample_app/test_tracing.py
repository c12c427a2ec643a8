"""What a process holds of its spans is what the loss tests compute with."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sample_app.settings import Settings
from sample_app.telemetry import tracing
from sample_app.telemetry.otlp.sender import SpanSender


def test_the_queue_that_runs_is_the_queue_that_is_declared() -> None:
    """A figure that is declared and not handed on would make the loss tests compute with a wish."""
    provider = tracing.make_provider(Settings(otlp_endpoint="http://127.0.0.1:1"))
    (processor,) = provider._active_span_processor._span_processors
    try:
        assert isinstance(processor, SpanSender)
        assert processor._limit == tracing.QUEUE_SIZE
        assert processor._batch == tracing.BATCH_SIZE
        assert processor._every * 1000 == tracing.SCHEDULE_DELAY_MS
        assert processor._collector._connection.timeout == tracing.EXPORT_SECONDS  # type: ignore[attr-defined]
    finally:
        provider.shutdown()


@pytest.mark.parametrize(("ratio", "kept"), [(0.0, False), (1.0, True)])
@pytest.mark.parametrize("asked", [None, True, False], ids=["begun here", "caller keeps", "caller drops"])
def test_the_setting_decides_for_traces_begun_here_and_the_caller_for_others(
    ratio: float,
    kept: bool,  # noqa: FBT001 - a parameter of the test
    asked: bool | None,  # noqa: FBT001
) -> None:
    provider = tracing.make_provider(Settings(trace_sample_ratio=ratio))
    sampled = f"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0{int(bool(asked))}"
    headers = {} if asked is None else {"traceparent": sampled}
    tracer = provider.get_tracer("test")

    span = tracer.start_span("work", tracing.parent_from(headers))
    assert span.is_recording() == (kept if asked is None else asked)
    provider.shutdown()


_HEX = st.text("0123456789abcdefA-_ ", min_size=1, max_size=33)
_USUAL = st.from_regex(r"(00|01|ff)-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True)


@given(
    given_parent=_USUAL | st.lists(_HEX, min_size=3, max_size=5).map("-".join) | st.text(),
    state=st.none() | st.just("") | st.just("vendor=1"),
)
@example(given_parent=f"00-{'0' * 32}-b7ad6b7169203331-01", state=None)
@example(given_parent=f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01", state=None)
@example(given_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", state=None)
@example(given_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n", state=None)
@example(given_parent=" 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ", state=None)
@example(given_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", state="vendor=1")
def test_a_caller_is_read_as_the_official_propagator_reads_it(given_parent: str, state: str | None) -> None:
    headers = {"traceparent": given_parent} | ({} if state is None else {"tracestate": state})

    ours, official = (
        trace.get_current_span(context).get_span_context()
        for context in (
            tracing.parent_from(headers),
            TraceContextTextMapPropagator().extract(headers, Context()),
        )
    )
    assert ours == official
    assert ours.is_remote == official.is_remote


def test_spans_say_which_release_of_which_service_they_are_of() -> None:
    provider = tracing.make_provider(Settings(service="stratum-worker", release="1.2.3", env="test"))

    assert {
        "service.name": "stratum-worker",
        "service.namespace": "stratum",
        "service.version": "1.2.3",
        "deployment.environment.name": "test",
    }.items() <= provider.resource.attributes.items()
    provider.shutdown()
