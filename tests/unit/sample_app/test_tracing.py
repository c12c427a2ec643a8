"""What a process holds of its spans is what the loss tests compute with."""

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
