"""JSON lines on stdout, ours and the libraries', in the keys all of Stratum's services share.

Docker's log driver takes them from there to the Collector. A line longer than 16 KB would be split on the way, so a
traceback is kept to its innermost frames and carries no local variables.
"""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

_MAX_FRAMES = 10


def configure_logs() -> None:
    """Send everything that is logged in this process to stdout as JSON."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service,
        structlog.processors.ExceptionRenderer(
            ExceptionDictTransformer(show_locals=False, max_frames=_MAX_FRAMES),
        ),
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        ),
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # A line for each call to Prometheus tells nobody anything.
    for library in ("httpx2", "httpcore2"):
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _add_service(_logger: object, _method: str, event: EventDict) -> EventDict:
    event["service"] = "inbox"
    return event
