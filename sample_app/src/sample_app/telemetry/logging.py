"""JSON lines on stdout: our own straight to bytes, the libraries' through the standard library, one shape.

Docker's fluentd driver takes them from there. It splits lines at 16 KB, so none is longer.
"""

import logging
from datetime import UTC, datetime
from time import time_ns
from typing import Any, BinaryIO, cast

import orjson
import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from sample_app.settings import Settings
from sample_app.telemetry.context import SERVING
from sample_app.telemetry.redaction import MASK, is_secret_name, redact

MAX_LINE = 16_000
_STDOUT = 1
_MAX_TRACEBACK = 8_000
_MAX_FIELD = 2_000
_KEPT_WHEN_TOO_LONG = 500

# made by us from checked parts: looking for secrets in them would cost more than the line itself
_OWN_FIELDS = frozenset(
    (
        *("timestamp", "level", "service", "logger", "method", "endpoint", "status_code", "duration_ms"),
        *("request_id", "trace_id", "span_id", "tenant_id", "user_id"),
        *("decision", "signal_health", "automation_id", "execution_id"),
    )
)

# what these say is said by our own lines, or is noise at INFO
_QUIETER = {
    "celery.app.trace": logging.CRITICAL,
    "celery.worker.strategy": logging.WARNING,
    "celery.beat": logging.WARNING,
    "httpx2": logging.WARNING,
    "alembic.runtime.plugins": logging.WARNING,
}


def configure_logging(settings: Settings, stream: BinaryIO | None = None) -> None:
    """Make every line of this process JSON on stdout, or on the stream given."""
    # unbuffered: one write per line, nothing to lose when the process is killed, no lock to inherit by fork
    out = stream or cast("BinaryIO", open(_STDOUT, "wb", buffering=0, closefd=False))  # noqa: SIM115 - for as long as the process
    level = logging.getLevelNamesMapping()[settings.log_level]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        _Stamp(settings.service),
        _add_context,
        structlog.processors.format_exc_info,
        _cap_and_redact,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(file=out),
        cache_logger_on_first_use=stream is None,
    )
    handler = _BytesHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                *shared,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render_text],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in _QUIETER.items():
        logging.getLogger(name).setLevel(max(level, least))
    logging.captureWarnings(capture=True)


def render(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    """Return the line, shortened field by field until it fits."""
    line = _dumps(event)
    if len(line) > MAX_LINE:
        event = {
            key: value if key in _OWN_FIELDS else _shorten(value, _KEPT_WHEN_TOO_LONG)
            for key, value in event.items()
        }
        line = _dumps(event)
    if len(line) > MAX_LINE:  # very many fields: keep what says where to look
        kept = {key: _shorten(event[key], 64) for key in event if key in _OWN_FIELDS or key == "event"}
        line = _dumps({**kept, "truncated": True})
    return line


def _render_text(logger: WrappedLogger, method: str, event: EventDict) -> str:
    return render(logger, method, event).decode()


def _dumps(event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:  # text that is no Unicode, integers beyond 64 bits
        return orjson.dumps({key: ascii(value) for key, value in event.items()})


def _shorten(value: Any, limit: int) -> Any:  # noqa: ANN401 - any field's value
    text = value if isinstance(value, str) else str(value) if isinstance(value, (dict, list)) else None
    if text is None or len(text) <= limit:
        return value
    half = limit // 2
    return f"{text[:half]} ... {len(text) - 2 * half} characters left out ... {text[-half:]}"


class _Stamp:
    """Says when and where; the calendar is asked once a second, not for each line."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._second: tuple[int, str] = (0, "")

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        second, microsecond = divmod(time_ns() // 1_000, 1_000_000)
        known, text = self._second
        if known != second:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = (second, text)  # in one step: lines come from several threads
        event["timestamp"] = f"{text}.{microsecond:06d}Z"
        event["service"] = self._service
        return event


def _add_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say for whom, and in which trace: the keys that join this line with the other signals."""
    serving = SERVING.get()
    if serving is not None:
        event.setdefault("request_id", serving.request_id)
        event.setdefault("tenant_id", serving.tenant_id)
    if "trace_id" not in event:
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            event["trace_id"] = f"{span.trace_id:032x}"
            event["span_id"] = f"{span.span_id:016x}"
        elif serving is not None and serving.trace_id is not None:  # its span has ended, and failed
            event["trace_id"] = serving.trace_id
    return event


def _cap_and_redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if key in _OWN_FIELDS or value is None:
            continue
        if is_secret_name(key):
            event[key] = MASK
        else:
            limit = _MAX_TRACEBACK if key == "exception" else _MAX_FIELD
            event[key] = _shorten(redact(value), limit)
    return event


class _BytesHandler(logging.Handler):
    """Writes the libraries' lines where ours go, each in one write."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._out.write(self.format(record).encode() + b"\n")
        except Exception:  # noqa: BLE001 - logging's own rule: a line that cannot be written harms nobody
            self.handleError(record)
