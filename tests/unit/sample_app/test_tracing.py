"""What a process holds of its spans is what the loss tests compute with."""

import pytest

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


def test_spans_say_which_release_of_which_service_they_are_of() -> None:
    provider = tracing.make_provider(Settings(service="stratum-worker", release="1.2.3", env="test"))

    assert {
        "service.name": "stratum-worker",
        "service.namespace": "stratum",
        "service.version": "1.2.3",
        "deployment.environment.name": "test",
    }.items() <= provider.resource.attributes.items()
    provider.shutdown()
