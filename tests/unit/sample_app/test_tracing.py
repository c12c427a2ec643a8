"""What a process holds of its spans is what the loss tests compute with."""

from opentelemetry.sdk.trace.export import BatchSpanProcessor

from sample_app.settings import Settings
from sample_app.telemetry import tracing


def test_the_queue_that_runs_is_the_queue_that_is_declared() -> None:
    """The SDK keeps these figures to itself, and falls back to its own where one is not handed on."""
    provider = tracing.make_provider(Settings(otlp_endpoint="http://127.0.0.1:1"))
    (processor,) = provider._active_span_processor._span_processors
    try:
        assert isinstance(processor, BatchSpanProcessor)
        queue = processor._batch_processor
        assert queue._max_queue_size == tracing.QUEUE_SIZE
        assert queue._max_export_batch_size == tracing.BATCH_SIZE
        assert queue._schedule_delay_millis == tracing.SCHEDULE_DELAY_MS
        assert processor.span_exporter._timeout == tracing.EXPORT_SECONDS
    finally:
        provider.shutdown()
